"""Random fractions of a labelled data set, to study how many labelled examples a model needs."""

import math

import numpy as np

from jaxvae.data.dataset import Dataset, from_arrays


def balanced_fraction(dataset: Dataset, share: float, *, seed: int) -> Dataset:
    """Draws the same share of every class at random, in random order.

    Fractions with the same seed are nested: a larger one contains all examples of a smaller one.

    Args:
        dataset: a set in which every example has a label.
        share: share of the examples in (0, 1], rounded to whole examples in each class; 1 is the whole set in its own
            order.
        seed: decides which examples, and their order.

    Returns:
        The examples, with the set's name and classes and a fingerprint of their own content.

    Raises:
        ValueError: the share is outside (0, 1] or leaves a class empty, a class has no examples, or an example has no
            label.
    """
    if not 0 < share <= 1:
        raise ValueError(f"The share of a data set must be in (0, 1], got {share}.")
    spec = dataset.spec
    if unlabelled := int((dataset.labels < 0).sum()):
        raise ValueError(
            f"A balanced fraction of {spec.name!r} needs a label for every example, got {unlabelled} without one."
        )
    counts = np.bincount(dataset.labels, minlength=len(spec.class_names)).tolist()
    fewest = min(counts)
    if fewest == 0:
        raise ValueError(
            f"{spec.name!r} has no example of class {spec.class_names[counts.index(0)]!r}; take more of the set."
        )
    if share == 1:
        return dataset
    if _part(fewest, share) == 0:
        rarest = spec.class_names[counts.index(fewest)]
        raise ValueError(
            f"A share of {share} of {spec.name!r} leaves class {rarest!r} without an example; "
            f"use at least {_least_share(fewest)}."
        )
    # One order for all shares makes the fractions nested.
    order = np.random.default_rng(seed).permutation(len(dataset))
    labels = dataset.labels[order]
    drawn = [np.flatnonzero(labels == c)[: _part(n, share)] for c, n in enumerate(counts)]
    rows = order[np.sort(np.concatenate(drawn))]
    return from_arrays(
        dataset.images[rows], dataset.labels[rows], name=spec.name, class_names=spec.class_names
    )


def _part(count: int, share: float) -> int:
    # Python's round rounds halves to even: 0.5 to 0, 1.5 to 2.
    return math.floor(share * count + 0.5)


def _least_share(count: int) -> float:
    """Smallest share, with six digits, that is rounded to one example."""
    return math.ceil(1e6 * 0.5 / count) / 1e6
