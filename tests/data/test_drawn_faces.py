import importlib
from dataclasses import replace

import numpy as np
import pytest

from jaxvae import data
from jaxvae.data.faces import ATTRIBUTES, draw_face
from jaxvae.data.faces.traits import NUMBERS, draw_traits

drawing = importlib.import_module("jaxvae.data.faces.faces")

COUNT = 300


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.fixture(scope="module")
def faces():
    """Training and test faces, as rows of numbers, and the attributes of the training faces."""
    drawn = [[draw_face(number, seed=seed, image_size=32) for number in range(COUNT)] for seed in (0, 1)]
    pixels = [np.stack([face.image for face in split]).reshape(COUNT, -1).astype(float) for split in drawn]
    return (*pixels, np.stack([face.attributes for face in drawn[0]]))


def test_the_set_is_the_same_each_time_and_from_the_cache():
    first, again = (data.load("drawn_faces", split="test", limit=5) for _ in range(2))
    np.testing.assert_array_equal(first.images, again.images)
    assert first.spec == again.spec
    assert (first.images.shape, first.attributes.names) == ((5, 64, 64, 3), ATTRIBUTES)
    assert set(first.labels.tolist()) == {-1}
    face = draw_face(3, seed=1)
    np.testing.assert_array_equal(first.images[3], face.image)
    np.testing.assert_array_equal(first.attributes.values[3], face.attributes)


def test_a_face_looks_the_same_in_every_size():
    small, large = (draw_face(7, image_size=size) for size in (32, 128))
    np.testing.assert_array_equal(small.attributes, large.attributes)
    shrunk = large.image.reshape(32, 4, 32, 4, 3).mean((1, 3))
    assert np.abs(shrunk - small.image).mean() < 4


def test_faces_are_the_same_on_every_machine():
    """By means over areas, which antialiasing of other versions does not change."""
    faces = np.stack([draw_face(number, seed=3).image for number in range(4)])
    means = faces.reshape(4, 2, 32, 2, 32, 3).mean((2, 4, 5))
    expected = [
        [[173.3, 166.7], [135.9, 147.0]],
        [[149.9, 179.7], [125.5, 180.6]],
        [[131.9, 145.6], [143.6, 148.3]],
        [[187.9, 156.8], [171.9, 129.5]],
    ]
    np.testing.assert_allclose(means, expected, atol=0.5)
    assert [draw_face(number, seed=3).attributes.sum() for number in range(4)] == [6, 3, 8, 6]


def test_whatever_varies_is_seen():
    shown = dict.fromkeys(("Beard", "Eyeglasses", "Long_Hair", "Mustache"), True)
    kinds = [shown, {"Bangs": True}, {"Wearing_Hat": True}]
    base = draw_traits(np.random.default_rng(0))
    kinds = [
        replace(base, attributes=dict.fromkeys(ATTRIBUTES, False) | kind, lights=((0.1, 0.1, 0.08),))
        for kind in kinds
    ]
    for name in NUMBERS:
        pairs = [[replace(kind, numbers={**kind.numbers, name: at}) for at in (-0.6, 0.6)] for kind in kinds]
        changed = [
            (drawing.picture(one, 64) != drawing.picture(other, 64)).any(axis=2).sum() for one, other in pairs
        ]
        assert max(changed) >= 8, (name, changed)


def test_what_can_be_seen_together_is_independent(faces):
    values = faces[2]
    column = {name: values[:, place] for place, name in enumerate(ATTRIBUTES)}
    colours = sum(
        column[name].astype(int) for name in ATTRIBUTES if name.endswith("_Hair") and name != "Long_Hair"
    )
    assert colours.max() == 1
    for hidden in ("Long_Hair", "Bangs"):
        assert not (column["Bald"] & column[hidden]).any()
    assert not (column["Wearing_Hat"] & column["Bangs"]).any()
    free = [
        "Beard",
        "Eyeglasses",
        "Frowning",
        "Mustache",
        "Pale_Skin",
        "Rosy_Cheeks",
        "Smiling",
        "Wearing_Lipstick",
    ]
    correlation = np.corrcoef([column[name] for name in free])
    assert np.abs(correlation - np.eye(len(free))).max() < 4 / np.sqrt(COUNT)
    assert all(0.05 < column[name].mean() < 0.65 for name in ATTRIBUTES)


def nearest(images, others, *, own=False):
    """Distance of each image to the nearest of others, root mean square over pixels."""
    squared = np.sum(images**2, 1)[:, None] - 2 * images @ others.T + np.sum(others**2, 1)
    if own:
        np.fill_diagonal(squared, np.inf)
    return np.sqrt(squared.min(1) / images.shape[1])


def test_no_training_face_is_the_answer_to_a_test_face(faces):
    train, test, _ = faces
    to_train, to_test = nearest(test, train), nearest(test, test, own=True)
    assert 0.95 < np.median(to_train) / np.median(to_test) < 1.05
    assert to_train.min() > 0.3 * np.median(to_test)


@pytest.mark.slow
def test_no_training_face_of_the_whole_set_is_either():
    splits = [data.load("drawn_faces", split=split).images for split in ("train", "test")]
    train, test = (images.reshape(len(images), -1).astype(np.float32) for images in splits)
    to_train, to_few, to_test = (
        nearest(test, train),
        nearest(test, train[:2000]),
        nearest(test, test, own=True),
    )
    for name, distances in {"train": to_train, "2,000 of train": to_few, "test": to_test}.items():
        print(
            f"nearest in {name}: least {distances.min():.1f}, median {np.median(distances):.1f} grey levels"
        )
    assert 0.95 < np.median(to_few) / np.median(to_test) < 1.05
    assert to_train.min() > 0.5 * np.median(to_test)


COLOURS = {"Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair", "Pale_Skin"}
"""Attributes that name a colour, which is drawn beside them."""


@pytest.mark.parametrize("name", sorted(set(ATTRIBUTES) - COLOURS))
def test_each_attribute_can_be_seen_in_the_smallest_pictures(name):
    """Faces that differ in nothing else differ in some pixels by more than a tenth of the range."""
    without = dict.fromkeys(ATTRIBUTES, False)
    has, seen = without | {name: True}, []
    for number in range(8):
        traits = draw_traits(np.random.default_rng(number))
        pair = [
            drawing.picture(replace(traits, attributes=each), 32).astype(float) for each in (without, has)
        ]
        seen.append((np.abs(pair[1] - pair[0]).max(2) > 25).sum())
    assert np.median(seen) >= 4, seen


@pytest.mark.parametrize(
    ("name", "of", "place"),
    [("Black_Hair", "hair", (0, 60)), ("Blond_Hair", "hair", (140, 255)), ("Pale_Skin", "skin", (200, 255))],
)
def test_colours_are_those_that_attributes_name(name, of, place):
    named = [
        traits
        for traits in map(draw_traits, map(np.random.default_rng, range(200)))
        if traits.attributes[name]
    ]
    colours = np.array([getattr(traits, of) for traits in named])
    assert len(named) > 10
    assert place[0] <= colours.mean(1).min() <= colours.mean(1).max() <= place[1]


@pytest.mark.parametrize("size", [31, 257])
def test_a_size_that_does_not_show_an_attribute_is_refused(size):
    with pytest.raises(
        ValueError, match=f"drawn_faces has pictures of 32 to 256 pixels a side, got image_size {size}"
    ):
        data.load("drawn_faces", split="test", image_size=size)


def test_an_unknown_attribute_is_refused():
    drawn = data.load("drawn_faces", split="test", limit=3)
    with pytest.raises(ValueError, match="Unknown attribute 'Angry' of 'drawn_faces'; known are Bald, Bangs"):
        data.select_attributes(drawn, ["Angry"])
