"""Selection of some classes of a labelled data set."""

from collections.abc import Sequence

import numpy as np

from jaxvae.data.dataset import Dataset, from_arrays, select


def select_classes(dataset: Dataset, classes: Sequence[str]) -> Dataset:
    """Keeps the examples of some classes, in the order of the data set.

    Args:
        dataset: a data set with class names.
        classes: names of one or more of its classes, without repetition.

    Returns:
        The examples of these classes, which are numbered in the order of `classes`.

    Raises:
        ValueError: a class is unknown or named twice, or the classes have no examples.
    """
    name, class_names = dataset.spec.name, dataset.spec.class_names
    if not class_names:
        raise ValueError(f"{name!r} has no classes to choose from; leave classes out.")
    for selected in classes:
        if selected not in class_names:
            raise ValueError(f"Unknown class {selected!r} of {name!r}; known are {', '.join(class_names)}.")
    if len(set(classes)) < len(classes):
        raise ValueError(f"each class must be named once, got {', '.join(classes)}.")
    numbers = np.full(len(class_names) + 1, -1)  # the last entry is for label -1
    numbers[[class_names.index(selected) for selected in classes]] = np.arange(len(classes))
    labels = numbers[dataset.labels]
    rows = np.flatnonzero(labels >= 0)
    if not len(rows):
        raise ValueError(f"{name!r} has no example of {', '.join(classes)}.")
    part = select(dataset, rows)
    return from_arrays(
        part.images, labels[rows], name=name, class_names=tuple(classes), attributes=part.attributes
    )
