"""`python -m jaxvae draw faces`."""

import numpy as np
import pytest
from PIL import Image

from jaxvae import data
from jaxvae.data.faces import ATTRIBUTES, draw_face


def test_a_folder_of_faces_is_read_with_its_attributes(run, tmp_path):
    out = tmp_path / "faces"
    status, said, _ = run("draw", "faces", "--out", out, "--count", "12", "--size", "32", "--seed", "5")
    assert (status, said) == (0, f"{out}\n")
    faces = [draw_face(number, seed=5, image_size=32) for number in range(12)]
    with Image.open(out / "000003.png") as image:
        np.testing.assert_array_equal(np.asarray(image), faces[2].image)
    read = [data.load(f"folder:{out}", split=split, image_size=32) for split in ("train", "test")]
    assert [each.attributes.names for each in read] == [ATTRIBUTES] * 2
    images = np.concatenate([each.images for each in read])
    values = np.concatenate([each.attributes.values for each in read])
    assert len(images) == 12
    for image, value in zip(images, values, strict=True):
        (number,) = (n for n, face in enumerate(faces) if np.array_equal(face.image, image))
        np.testing.assert_array_equal(value, faces[number].attributes)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--size", "16"), "32 to 256 pixels a side, got image_size 16"),
        (("--count", "0"), "count must be at least 1, got 0"),
        (("--seed", "-1"), "seed must be between 0 and"),
    ],
    ids=str,
)
def test_what_cannot_be_drawn_is_refused(run, tmp_path, flags, words):
    status, _, err = run("draw", "faces", "--out", tmp_path / "faces", *flags)
    assert status == 2
    assert words in err
    assert not (tmp_path / "faces").exists()


@pytest.mark.parametrize("path", [".", "empty"])
def test_an_empty_folder_is_filled(run, tmp_path, monkeypatch, path):
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder if path == "." else tmp_path)
    assert run("draw", "faces", "--out", path, "--count", "2", "--size", "32")[:2] == (0, f"{path}\n")
    assert sorted(file.name for file in folder.iterdir()) == ["000001.png", "000002.png", "list_attr.txt"]


def test_nothing_is_overwritten(run, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    status, _, err = run("draw", "faces", "--out", tmp_path)
    assert (status, err) == (
        2,
        f"error: {tmp_path} exists and is not an empty folder; name another one with --out.\n",
    )
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
