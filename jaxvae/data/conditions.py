"""Conditions of generation: hidden labels, selected attributes, held-out combinations of attributes."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool

from jaxvae.data.dataset import Attributes, Dataset, from_arrays

_HELD_OUT = 8


def hide_labels(dataset: Dataset, share: float, *, seed: int) -> Dataset:
    """Hides the labels of a random share of a data set.

    Args:
        dataset: the images; all are kept.
        share: share of the images whose labels become -1, in [0, 1).
        seed: decides which labels; a larger share also hides all labels that a smaller one hides.

    Returns:
        The same images in the same order, with a fingerprint of the new content.

    Raises:
        ValueError: the share is outside [0, 1).
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
        dataset: images with attributes; without attributes each class counts as one.
        names: names of the attributes to keep, in this order; all if empty.

    Returns:
        The same images with these attributes, and a fingerprint of the new content.

    Raises:
        ValueError: there are neither attributes nor classes, or a name is unknown or given twice.
    """
    available = dataset.attributes or _one_hot_classes(dataset)
    spec = dataset.spec
    if unknown := [name for name in names if name not in available.names]:
        raise ValueError(
            f"Unknown attribute {unknown[0]!r} of {spec.name!r}; known are {', '.join(available.names) or 'none'}."
        )
    if len(set(names)) < len(names):
        raise ValueError(f"attributes must be different names, got {', '.join(names)}.")
    selected = tuple(names) or available.names
    if not selected:
        raise ValueError(f"{spec.name!r} has neither attributes nor classes to condition on; use other data.")
    columns = [available.names.index(name) for name in selected]
    attributes = Attributes(selected, available.values[:, columns])
    return from_arrays(
        dataset.images, dataset.labels, name=spec.name, class_names=spec.class_names, attributes=attributes
    )


def check_attributes(dataset: Dataset) -> None:
    """Refuses attributes that do not vary over the images.

    Args:
        dataset: images, whose attributes are checked if they have any.

    Raises:
        ValueError: all images or none have one of the attributes.
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
    """Finds the combinations of attributes that occur in validation but not in training.

    Args:
        seen: attributes of the training images.
        other: attributes of the held-out images, with the same names.

    Returns:
        [m, k], each distinct combination of `other` that no image of `seen` has; m may be 0.
    """
    seen_rows = {row.tobytes() for row in seen.values}
    new_rows = [row for row in np.unique(other.values, axis=0) if row.tobytes() not in seen_rows]
    return np.array(new_rows, bool).reshape(-1, len(other.names))


def hold_out_combinations(dataset: Dataset, other: Attributes, n: int | None, *, seed: int) -> Dataset:
    """Removes all images with certain combinations of attributes, so that these combinations are new at test time.

    Args:
        dataset: training images with attributes.
        other: attributes of the held-out images, with the same names; combinations are drawn from those that both
            sets have.
        n: number of combinations, from 0 to a tenth of those that both sets have; None for 8, or that tenth if it is
            less.
        seed: decides which combinations; a larger n includes the combinations of a smaller one.

    Returns:
        The remaining images in the same order, with a fingerprint of the new content.

    Raises:
        ValueError: the images have no attributes, or n is out of range.
    """
    if dataset.attributes is None:
        raise ValueError("combinations can only be held out of images with attributes, got images without.")
    values, rows = np.unique(dataset.attributes.values, axis=0, return_inverse=True)
    other_rows = {row.tobytes() for row in other.values}
    common = [number for number, row in enumerate(values) if row.tobytes() in other_rows]
    most = len(common) // 10
    if n is not None and not 0 <= n <= most:
        raise ValueError(
            f"hold_out must be from 0 to {most}, a tenth of the {len(common)} combinations of attributes that training "
            f"and held-out images both have, got {n}; give fewer, or more --attributes or images."
        )
    held_out = np.random.default_rng(seed).permutation(common)[: min(_HELD_OUT, most) if n is None else n]
    remaining = ~np.isin(rows.reshape(-1), held_out)
    spec = dataset.spec
    return from_arrays(
        dataset.images[remaining],
        dataset.labels[remaining],
        name=spec.name,
        class_names=spec.class_names,
        attributes=Attributes(dataset.attributes.names, dataset.attributes.values[remaining]),
    )


def _one_hot_classes(dataset: Dataset) -> Attributes:
    names = dataset.spec.class_names
    return Attributes(names, dataset.labels[:, None] == np.arange(len(names)))
