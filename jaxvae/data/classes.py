"""A part of a labelled data set: the examples of some of its classes."""

from collections.abc import Sequence

import numpy as np

from jaxvae.data.dataset import Dataset, from_arrays, select


def select_classes(dataset: Dataset, classes: Sequence[str]) -> Dataset:
    """Keeps the examples of some classes, in their order.

    Args:
        dataset: a set with class names.
        classes: names of at least one of its classes, each once.

    Returns:
        The part. Its classes are those named, and are numbered in the order in which they are named.

    Raises:
        ValueError: a class is unknown or named twice, or no example is of the classes.
    """
    name, known = dataset.spec.name, dataset.spec.class_names
    if not known:
        raise ValueError(f"{name!r} has no classes to choose from; leave classes out.")
    for one in classes:
        if one not in known:
            raise ValueError(f"Unknown class {one!r} of {name!r}; known are {', '.join(known)}.")
    if len(set(classes)) < len(classes):
        raise ValueError(f"each class must be named once, got {', '.join(classes)}.")
    numbers = np.full(len(known) + 1, -1)  # the last place serves label -1
    numbers[[known.index(one) for one in classes]] = np.arange(len(classes))
    labels = numbers[dataset.labels]
    rows = np.flatnonzero(labels >= 0)
    if not len(rows):
        raise ValueError(f"{name!r} has no example of {', '.join(classes)}.")
    part = select(dataset, rows)
    return from_arrays(
        part.images, labels[rows], name=name, class_names=tuple(classes), attributes=part.attributes
    )
