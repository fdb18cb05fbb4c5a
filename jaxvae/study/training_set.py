"""The images that a trained run has seen, found again by what its config.json says of them."""

from jaxvae import data
from jaxvae.run import Run


def training_set(run: Run) -> data.Dataset:
    """Loads what a run was trained on, and makes sure that it is the same.

    Args:
        run: read by `jaxvae.load`.

    Returns:
        The data set, with the fingerprint that the run recorded.

    Raises:
        ValueError: the run does not say what it was trained on, or that is not what is found: the data has changed, or
            the model was trained on a part of it, on several sets, or with other labels.
        jaxvae.data.DataError: the data is missing, altered or unreadable.
    """
    config, recorded = (run.config.get(part, {}) for part in ("config", "data"))
    if "data" not in config or "fingerprint" not in recorded:
        raise ValueError(
            f"the model {run.variant!r} does not record what it was trained on; give its images yourself."
        )
    found = data.load(
        config["data"],
        split=data.training_split(config.get("measure_on", "test")),
        source=config.get("data_source"),
        data_dir=config.get("data_dir"),
        limit=config.get("limit"),
        image_size=config.get("image_size"),
        classes=config.get("classes") or (),
    )
    if found.spec.fingerprint != recorded["fingerprint"]:
        raise ValueError(
            f"the model {run.variant!r} was not trained on {config['data']} as it is found now (fingerprint "
            f"{found.spec.fingerprint}, expected {recorded['fingerprint']}): it saw a share of it, a mixture, or other "
            f"labels, or the data has changed; take a model that was trained on the whole set."
        )
    return found
