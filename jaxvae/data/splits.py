"""Which pictures of a folder are for training and which for testing, and which classes they have, by their folders."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jaxvae.data.contents import shown
from jaxvae.data.dataset import DataError
from jaxvae.data.decoded import few

_HELD_OUT = 10  # one picture in ten
_NAMES = {
    "train": ("train", "training", "trainset"),
    "validation": ("val", "valid", "validation", "valset", "dev", "eval", "evaluation"),
    "test": ("test", "testing", "testset", "holdout"),
}
_BESIDE = {"set", "data", "dataset", "image", "images", "img", "imgs", "picture", "pictures", "split", "seg"}
_ROLES = {name: role for role, names in _NAMES.items() for name in names}

_Place = tuple[str, ...]


@dataclass(frozen=True)
class Division:
    """The order, splits and classes of pictures.

    Attributes:
        order: numbers of the pictures, mixed.
        splits: for each picture "train", "test", or "validation" for one that is in neither.
        labels: for each picture the number of its class; -1 if it has none.
        class_names: name of class 0, 1, ...
        left_out: pictures outside all splits, for a line that says so.
    """

    order: list[int]
    splits: list[str]
    labels: list[int]
    class_names: tuple[str, ...]
    left_out: list[str]


def divide(root: Path, paths: Sequence[Path], parts: Mapping[str, str]) -> Division:
    """Divides the pictures of a folder; `read_folder` says how.

    Args:
        root: the folder.
        paths: the pictures in it.
        parts: "train", "validation" or "test" for each file name; empty if the folders decide.

    Returns:
        The division.

    Raises:
        DataError: some folders are named after splits and others are not, there are several for training, or none.
    """
    places = [path.relative_to(root).parts for path in paths]
    order = np.random.default_rng(0).permutation(len(places)).tolist()
    shared = _shared(places)
    places = [place[shared:] for place in places]
    held_out = set(order[: -(-len(places) // _HELD_OUT)])
    splits = ["test" if row in held_out else "train" for row in range(len(places))]
    left_out: list[str] = []
    if problem := _problem(places):
        if not parts:
            raise DataError(f"{root} {problem}")
    elif roles := _roles(places):
        splits = [roles[place[0]] if len(place) > 1 else "validation" for place in places]
        left_out = [
            shown("/".join(p)) for p, split in zip(places, splits, strict=True) if split == "validation"
        ]
        places = _below(places, roles)
    if parts:
        splits, left_out = [parts[path.name] for path in paths], []
    classes = sorted({place[0] for place in places if len(place) > 1})
    numbers = {name: number for number, name in enumerate(classes)} if len(classes) > 1 else {}
    labels = [numbers.get(place[0], -1) if len(place) > 1 else -1 for place in places]
    return Division(order, splits, labels, tuple(map(shown, numbers)), left_out)


def _role(name: str) -> str | None:
    """The split that a folder's name means, such as "test" for Test_Images."""
    words = [word for word in re.split(r"[^a-z]+", name.casefold()) if word and word not in _BESIDE]
    return _ROLES.get(words[0]) if len(words) == 1 else None


def _outer(places: Sequence[_Place]) -> dict[str, str | None]:
    """The outermost folders with what their names mean."""
    return {name: _role(name) for name in sorted({place[0] for place in places if len(place) > 1})}


def _roles(places: Sequence[_Place]) -> dict[str, str]:
    """The split of each outermost folder; empty if these are no splits."""
    found = _outer(places)
    roles = {name: role for name, role in found.items() if role}
    if len(roles) < len(found) or len(roles) < 2:
        return {}
    if "test" not in roles.values():  # what others call validation is the only set to test on
        roles = {name: "train" if role == "train" else "test" for name, role in roles.items()}
    return roles


def _problem(places: Sequence[_Place]) -> str:
    """Why it cannot be told what the outermost folders are, a clause with what to do; empty if it can."""
    found = _outer(places)
    roles = {name: role for name, role in found.items() if role}
    seen = f"holds {few([shown(name) for name in found])}"
    if len(roles) == len(found):
        trained = [name for name, role in roles.items() if role == "train"]
        if len(roles) > 1 and len(trained) != 1:
            return f"must have one folder to train on, such as train, but {seen}; rename or move the others."
        if len(set(roles.values())) < len(roles):
            return f"must have one folder for each split, but {seen}; rename or move one of the two that mean the same."
        return ""
    if roles and not _is_vehicle(places, found):
        return (
            f"{seen}, of which {few([shown(name) for name in roles])} may be splits and the others classes; "
            "let the outermost folders be all splits, such as train and test, or all classes, under other names."
        )
    for name in found:
        below = _outer([place[1:] for place in places if place[0] == name and len(place) > 1])
        if "train" in below.values() and len({*below.values()} - {None}) > 1:
            seen = f"{shown(name)} holds {few([*map(shown, below)])}"
            return f"must have splits outside classes, but {seen}; exchange their order."
    return ""


def _is_vehicle(places: Sequence[_Place], found: Mapping[str, str | None]) -> bool:
    """Whether the only name of a split is that of a class: "train" beside several others, without folders in it."""
    names = [name for name, role in found.items() if role]
    depth = max(len(place) for place in places if place[0] in names)
    return len(found) > 2 and [*map(str.casefold, names)] == ["train"] and depth == 2


def _below(places: Sequence[_Place], roles: Mapping[str, str]) -> list[_Place]:
    """The paths below the folders of the splits, and below folders in them that are named alike, or that all share."""
    rest = dict.fromkeys(roles, 1)
    for name in roles:
        inside = [place for place in places if place[0] == name and len(place) > 1]
        while all(len(p) > rest[name] + 1 and _role(p[rest[name]]) == _role(name) for p in inside):
            rest[name] += 1
    below = [place[rest[place[0]] :] for place in places if len(place) > 1]
    shared = _shared(below)
    return [p[rest[p[0]] + shared :] if len(p) > 1 else p for p in places]


def _shared(places: Sequence[_Place]) -> int:
    """How many leading folders all paths share."""
    first, *others = [place[:-1] for place in places] or [()]
    alike = [all(other[: i + 1] == first[: i + 1] for other in others) for i in range(len(first))]
    return sum(alike)
