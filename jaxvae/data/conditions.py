"""What is known of images: labels hidden for a share of them, attributes chosen by name or made of classes."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool

from jaxvae.data.dataset import Attributes, Dataset, from_arrays


def hide_labels(dataset: Dataset, share: float, *, seed: int) -> Dataset:
    """Forgets the labels of a random share of a data set.

    Args:
        dataset: the images, which all stay.
        share: of them whose labels become -1, in [0, 1).
        seed: decides which. A larger share hides all that a smaller one hides.

    Returns:
        The same images in the same order, with the fingerprint of its own content.

    Raises:
        ValueError: a share outside [0, 1).
    """
    if not 0 <= share < 1:
        raise ValueError(f"the share of labels to hide must be in [0, 1), got {share}.")
    hidden = np.random.default_rng(seed).permutation(len(dataset))[: round(share * len(dataset))]
    labels = dataset.labels.copy()
    labels[hidden] = -1
    spec = dataset.spec
    return from_arrays(
        dataset.images, labels, name=spec.name, class_names=spec.class_names, attributes=dataset.attributes
    )


def select_attributes(dataset: Dataset, names: Sequence[str]) -> Dataset:
    """Keeps some attributes of a data set.

    Args:
        dataset: images with attributes, or with classes, which then are attributes of which an image has one.
        names: of the attributes to keep, in this order; all if empty.

    Returns:
        The same images with these attributes, and the fingerprint of its own content.

    Raises:
        ValueError: the images have neither attributes nor classes, an unknown name, or one given twice.
    """
    known = dataset.attributes or _classes(dataset)
    spec = dataset.spec
    if unknown := [name for name in names if name not in known.names]:
        raise ValueError(
            f"Unknown attribute {unknown[0]!r} of {spec.name!r}; known are {', '.join(known.names) or 'none'}."
        )
    if len(set(names)) < len(names):
        raise ValueError(f"attributes must be different names, got {', '.join(names)}.")
    chosen = tuple(names) or known.names
    if not chosen:
        raise ValueError(f"{spec.name!r} has neither attributes nor classes to condition on; use other data.")
    places = [known.names.index(name) for name in chosen]
    attributes = Attributes(chosen, known.values[:, places])
    return from_arrays(
        dataset.images, dataset.labels, name=spec.name, class_names=spec.class_names, attributes=attributes
    )


def check_attributes(dataset: Dataset) -> None:
    """Refuses attributes that nothing can be learnt of.

    Args:
        dataset: images with attributes.

    Raises:
        ValueError: all or none of the images have one of the attributes.
    """
    if dataset.attributes is None:
        return
    shares = dataset.attributes.values.mean(axis=0)
    for name, share in zip(dataset.attributes.names, shares.tolist(), strict=True):
        if share in (0, 1):
            raise ValueError(
                f"attribute {name!r} has a single value: {'all' if share else 'none'} of the {len(dataset)} images of "
                f"{dataset.spec.name!r} have it; name others, or take more images."
            )


def new_combinations(seen: Attributes, other: Attributes) -> Bool[np.ndarray, "m k"]:
    """Combinations of attributes that only one of two sets has.

    Args:
        seen: attributes of training images.
        other: attributes of validation images, of the same names.

    Returns:
        [m, k], each combination of `other` once that no image of `seen` has; m may be 0.
    """
    known = {row.tobytes() for row in seen.values}
    found = [row for row in np.unique(other.values, axis=0) if row.tobytes() not in known]
    return np.array(found, bool).reshape(-1, len(other.names))


def hold_out_combinations(dataset: Dataset, other: Attributes, n: int, *, seed: int) -> Dataset:
    """Leaves out all images that have one of some combinations of attributes, so that these stay new to training.

    Args:
        dataset: training images with attributes.
        other: attributes of validation images, of the same names; combinations are chosen among those of theirs that
            training images have too.
        n: how many combinations, at least 0; but no more than a tenth of those that there are to choose from.
        seed: decides which. More combinations contain fewer.

    Returns:
        The other images in the same order, with the fingerprint of its own content.

    Raises:
        ValueError: images without attributes, or a negative number.
    """
    if n < 0 or dataset.attributes is None:
        raise ValueError(
            f"combinations are held out of images with attributes, and at least 0 of them, got {n}."
        )
    values, rows = np.unique(dataset.attributes.values, axis=0, return_inverse=True)
    there = {row.tobytes() for row in other.values}
    both = [place for place, row in enumerate(values) if row.tobytes() in there]
    chosen = np.random.default_rng(seed).permutation(both)[: min(n, len(both) // 10)]
    kept = ~np.isin(rows.reshape(-1), chosen)
    spec = dataset.spec
    return from_arrays(
        dataset.images[kept],
        dataset.labels[kept],
        name=spec.name,
        class_names=spec.class_names,
        attributes=Attributes(dataset.attributes.names, dataset.attributes.values[kept]),
    )


def _classes(dataset: Dataset) -> Attributes:
    names = dataset.spec.class_names
    return Attributes(names, dataset.labels[:, None] == np.arange(len(names)))
