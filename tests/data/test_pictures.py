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
    opaque, clear = np.full_like(grey, 255), np.zeros_like(grey)
    Image.fromarray(np.dstack([grey, grey, grey, opaque])).save(tmp_path / "b.png")
    Image.fromarray(np.dstack([grey, grey, grey, clear])).save(tmp_path / "c.png")
    found = data.read_pictures(tmp_path)
    np.testing.assert_array_equal(found[:2], np.broadcast_to(grey[None, :, :, None], (2, 4, 5, 3)))
    assert found[2].min() == 255


def test_one_decoder_serves_training_and_fid(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    grey = np.random.default_rng(0).integers(0, 256, (16, 16), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6  # turned
    (tmp_path / "set").mkdir()
    Image.fromarray(grey).save(tmp_path / "set" / "8.png")
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "set" / "16.png")
    Image.fromarray(grey.astype(np.float32) / 255).save(tmp_path / "set" / "float.tif")
    Image.fromarray(np.rot90(grey)).save(tmp_path / "set" / "turned.png", exif=exif)
    expected = np.broadcast_to(grey[None, :, :, None], (4, 16, 16, 3))
    np.testing.assert_array_equal(data.read_pictures(tmp_path / "set"), expected)
    parts = data.load_splits(f"folder:{tmp_path / 'set'}", image_size=16)
    np.testing.assert_array_equal(np.concatenate([part.images for part in parts]), expected)


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
    assert "z.png is not a readable picture (no picture that Pillow reads); repair" in said(path)
    for file in path.rglob("*.*"):
        file.unlink()
    assert "holds no picture" in said(path)
