"""Training images that are held out to choose settings by, so that no choice is made on the test split."""

from jaxvae.data.dataset import Dataset, select

_ONE_IN = {"mnist": 6, "fashion_mnist": 6}


def hold_out(dataset: Dataset) -> tuple[Dataset, Dataset]:
    """Holds out the last examples of a training split.

    Args:
        dataset: the whole split, of two or more examples.

    Returns:
        What remains, and the held-out examples: the last sixth of MNIST and Fashion-MNIST, which are 10,000, and the
        last tenth of all other sets, which are 5,000 of CIFAR-10; rounded up.

    Raises:
        ValueError: there is a single example.
    """
    if len(dataset) < 2:
        raise ValueError(
            f"{dataset.spec.name} needs two or more training images, one to train on and one to choose settings by, "
            "got 1; add some, or measure on the test split."
        )
    remaining = len(dataset) - -(-len(dataset) // _ONE_IN.get(dataset.spec.name, 10))
    return select(dataset, slice(remaining)), select(dataset, slice(remaining, None))
