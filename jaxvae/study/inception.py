"""Inception's weights for an experiment that can do without."""

from tqdm import tqdm

from jaxvae import cli, evaluate


def find_inception(config: cli.SamplesConfig) -> evaluate.Inception | None:
    """Inception's weights, if FID is wanted and they are found; a line says so if they are not.

    Args:
        config: whose flags say what is wanted and where to look.

    Returns:
        The weights or None.

    Raises:
        ValueError: a file of weights was named and is no such.
    """
    if not config.fid:
        return None
    try:
        return evaluate.load_inception(config.inception)
    except evaluate.InceptionNotFoundError as error:
        tqdm.write(f"There will be no FID. {error}")
        return None
