"""The labelled pictures of a data set with their codes, and the two classes that a dream is about."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt8

import jaxvae
from jaxvae import data

USUAL = ("horse", "bird")


@dataclass(frozen=True, kw_only=True, eq=False)
class Pictures:
    """Labelled pictures, encoded.

    Attributes:
        images: [n, h, w, c], uint8.
        labels: [n], places in `class_names`.
        class_names: of the classes.
        codes: [n, d], posterior means.
        stddev: [n, d], the posteriors' standard deviations.
    """

    images: UInt8[np.ndarray, "n h w c"]
    labels: Int[np.ndarray, " n"]
    class_names: tuple[str, ...]
    codes: Float[np.ndarray, "n d"]
    stddev: Float[np.ndarray, "n d"]

    def rows(self, name: str) -> Int[np.ndarray, " k"]:
        """Numbers of the pictures of a class."""
        return np.flatnonzero(self.labels == self.class_names.index(name))

    def numbers(self, names: Sequence[str]) -> Int[np.ndarray, " k"]:
        """Places of classes in `class_names`."""
        return np.array([self.class_names.index(name) for name in names])


def classes_with_pictures(dataset: data.Dataset) -> tuple[str, ...]:
    """Names of the classes that have a picture, in the order of their numbers."""
    return tuple(dataset.spec.class_names[number] for number in np.unique(dataset.labels) if number >= 0)


def labelled(dataset: data.Dataset, class_names: Sequence[str]) -> data.Dataset | None:
    """The pictures of some classes, as a data set of these alone.

    Args:
        dataset: pictures.
        class_names: names of classes, of which some have pictures.

    Returns:
        The pictures whose label is the place of their class in `class_names`; None if there is none.
    """
    pictures = set(class_names) & set(classes_with_pictures(dataset))
    return data.select_classes(dataset, class_names) if pictures else None


def find_pair(dataset: data.Dataset, pair: Sequence[str] | None) -> tuple[str, str] | None:
    """The two classes to dream of: those named, else horse and bird, else the first two.

    Args:
        dataset: the training pictures.
        pair: names of two classes, or None.

    Returns:
        Names of two classes; None if none were named and fewer than two classes have pictures.

    Raises:
        ValueError: a name of no class that has pictures, or not two different names.
    """
    known = classes_with_pictures(dataset)
    if pair is None:
        found = USUAL if set(USUAL) <= set(known) else known[:2]
        return (found[0], found[1]) if len(found) == 2 else None
    if unknown := [name for name in pair if name not in known]:
        raise ValueError(
            f"pair must name two classes of pictures, got {unknown[0]!r}; known are {', '.join(known) or 'none'}."
        )
    if len(pair) != 2 or pair[0] == pair[1]:
        raise ValueError(f"pair must name two different classes of {', '.join(known)}, got {' '.join(pair)}.")
    return pair[0], pair[1]


def encode_labelled(run: jaxvae.Run, dataset: data.Dataset, class_names: Sequence[str]) -> Pictures:
    """Encodes all pictures of some classes.

    Args:
        run: a trained model of one level.
        dataset: pictures, of which those without a label are passed over.
        class_names: of the classes to take, which need not all be there, but one.

    Returns:
        The pictures of these classes, in the order of the data set.
    """
    places = np.full(len(dataset.spec.class_names) + 1, -1)  # the last is for pictures without a label
    for place, name in enumerate(class_names):
        if name in dataset.spec.class_names:
            places[dataset.spec.class_names.index(name)] = place
    labels = places[dataset.labels]
    taken = np.flatnonzero(labels >= 0)
    images = dataset.images if len(taken) == len(labels) else dataset.images[taken]
    (posterior,) = run.encode(images)
    return Pictures(
        images=images,
        labels=labels[taken],
        class_names=tuple(class_names),
        codes=np.asarray(posterior.mean),
        stddev=np.asarray(posterior.stddev),
    )
