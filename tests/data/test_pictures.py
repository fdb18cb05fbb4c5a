import numpy as np
import pytest
from PIL import Image

from jaxvae import data


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 4, 5, 3), dtype=np.uint8)
    (tmp_path / "deeper").mkdir()
    for name, image in zip(("a.png", "b.PNG", "deeper/c.bmp"), images, strict=True):
        Image.fromarray(image).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path, images


def test_pictures_come_in_the_order_of_their_paths(folder):
    path, images = folder
    np.testing.assert_array_equal(data.read_pictures(path), images)
    np.testing.assert_array_equal(data.read_pictures(str(path), limit=2), images[:2])


def test_grey_and_transparent_pictures_become_rgb(tmp_path):
    grey = np.arange(20, dtype=np.uint8).reshape(4, 5)
    Image.fromarray(grey).save(tmp_path / "a.png")
    Image.fromarray(np.dstack([grey] * 4)).save(tmp_path / "b.png")
    found = data.read_pictures(tmp_path)
    np.testing.assert_array_equal(found, np.broadcast_to(grey[None, :, :, None], (2, 4, 5, 3)))


def said(path):
    with pytest.raises(data.DataError) as error:
        data.read_pictures(path)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_bad_folders_are_one_line(folder):
    path, images = folder
    assert "must be a folder of pictures, but is missing." in said(path / "missing")
    assert "but is a file." in said(path / "notes.txt")
    Image.fromarray(images[0][:3]).save(path / "z.png")
    assert "a.png has (4, 5) pixels and z.png (3, 5)" in said(path)
    (path / "z.png").write_bytes((path / "a.png").read_bytes()[:60])
    assert "z.png is not a readable picture" in said(path)
    (path / "z.png").write_bytes(b"hello")
    assert "z.png is not a readable picture; repair" in said(path)
    for file in path.rglob("*.*"):
        file.unlink()
    assert "holds no picture" in said(path)
