import os
import shutil
import time

import numpy as np
import pytest
from PIL import Image

from jaxvae import data
from jaxvae.data import contents
from jaxvae.data import folder as folder_module
from jaxvae.data.cache import read_facts

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path_factory):
    """An empty cache directory."""
    directory = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(directory))
    return directory


def draw(path, *, shape=(16, 16, 3), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = RNG.integers(0, 256, shape, dtype=np.uint8)
    Image.fromarray(image).save(path, **options)
    return image


@pytest.fixture
def animals(tmp_path):
    """A folder of 12 birds and 8 horses, and their images by path."""
    root = tmp_path / "animals"
    names = [f"bird/{i}.png" for i in range(12)] + [f"horse/{i}.webp" for i in range(8)]
    return root, {name: draw(root / name, **({"lossless": True} if "webp" in name else {})) for name in names}


def splits(root, **options):
    return data.load_splits(f"folder:{root}", image_size=16, **options)


def single(path, size=16):
    """The image that a folder makes of a picture."""
    root = path.parent / "single"
    for split in ("train", "test"):
        (root / split).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, root / split)
    return data.read_folder(root, split="test", image_size=size).images[0]


def said(root, **options):
    with pytest.raises(data.DataError) as error:
        splits(root, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_class_folders_are_labels_and_every_picture_is_in_one_split(animals):
    root, images = animals
    train, test = splits(root)
    assert (len(train), len(test)) == (18, 2)
    assert train.spec.class_names == test.spec.class_names == ("bird", "horse")
    assert train.spec.name == f"folder:{root}"
    found = {
        i.tobytes(): int(n) for part in (train, test) for i, n in zip(part.images, part.labels, strict=True)
    }
    assert found == {image.tobytes(): int("horse" in name) for name, image in images.items()}


def test_the_first_examples_are_of_several_classes(animals):
    train, _ = splits(animals[0], limit=9)
    assert len(train) == 9
    assert set(train.labels) == {0, 1}


def test_folders_named_after_splits_are_the_splits(tmp_path):
    for name in ("train/bird/a.png", "train/horse/b.png", "train/horse/c.png", "test/horse/d.png"):
        draw(tmp_path / name)
    train, test = splits(tmp_path)
    assert sorted(train.labels) == [0, 1, 1]
    np.testing.assert_array_equal(test.labels, [1])


def test_one_folder_is_no_class(tmp_path):
    for number in range(3):
        draw(tmp_path / "img" / f"{number}.png")
    train, _ = splits(tmp_path)
    assert train.spec.class_names == ()
    np.testing.assert_array_equal(train.labels, [-1, -1])


@pytest.mark.parametrize("wrapped", ["train", "archive", "archive/pictures", "train/train"])
def test_folders_that_alone_hold_all_pictures_hide_no_classes(animals, tmp_path, wrapped):
    root, _ = animals
    (tmp_path / "outer" / wrapped).parent.mkdir(parents=True)
    root.rename(tmp_path / "outer" / wrapped)
    train, test = splits(tmp_path / "outer")
    assert train.spec.class_names == ("bird", "horse")
    assert (len(train), len(test)) == (18, 2)
    assert np.bincount(np.concatenate([train.labels, test.labels])).tolist() == [12, 8]


def test_splits_and_their_classes_may_be_wrapped(tmp_path):
    for name in ("train/img/bird/a.png", "train/img/horse/b.png", "test/img/horse/c.png"):
        draw(tmp_path / "archive" / name)
    train, test = splits(tmp_path)
    assert train.spec.class_names == ("bird", "horse")
    assert sorted(train.labels) == [0, 1]
    np.testing.assert_array_equal(test.labels, [1])


def test_a_folder_with_a_picture_beside_it_is_not_passed_through(animals, tmp_path):
    draw(tmp_path / "cover.png")
    train, test = splits(tmp_path)
    assert train.spec.class_names == ()
    assert len(train) + len(test) == 21


def test_classes_can_be_chosen(animals):
    train, _ = splits(animals[0], classes=("horse",))
    assert train.spec.class_names == ("horse",)
    assert set(train.labels) == {0}
    with pytest.raises(ValueError, match=r"Unknown class 'hors' of .*; known are bird, horse\."):
        splits(animals[0], classes=("hors",))


def test_a_second_start_decodes_nothing_and_gives_the_same(animals, monkeypatch):
    time.sleep(0.03)  # digests of files this new are not kept
    first = splits(animals[0])
    monkeypatch.setattr(folder_module, "_decode", None)
    monkeypatch.setattr(contents, "_digest", None)
    second = splits(animals[0])
    for a, b in zip(first, second, strict=True):
        assert a.spec == b.spec
        np.testing.assert_array_equal(a.images, b.images)
        np.testing.assert_array_equal(a.labels, b.labels)


def test_images_are_mapped_from_a_file(animals):
    train, _ = splits(animals[0])
    assert not train.images.flags.owndata
    assert not train.images.flags.writeable


def test_the_fingerprint_is_that_of_the_same_arrays(animals):
    train, _ = splits(animals[0])
    copied = data.from_arrays(
        np.array(train.images), train.labels, name="copy", class_names=("bird", "horse")
    )
    assert copied.spec.fingerprint == train.spec.fingerprint


def test_the_cache_follows_the_content(animals, tmp_path, monkeypatch):
    root, images = animals
    first = splits(root)
    moved = root.rename(tmp_path / "moved")
    with monkeypatch.context() as patch:
        patch.setattr(folder_module, "_decode", None)
        os.utime(moved / "bird" / "0.png")
        assert [part.spec.fingerprint for part in splits(moved)] == [part.spec.fingerprint for part in first]
    changed = draw(moved / "bird" / "0.png")
    found = [image.tobytes() for part in splits(moved) for image in part.images]
    assert changed.tobytes() in found
    assert images["bird/0.png"].tobytes() not in found


def test_sizes_are_kept_apart(animals):
    assert data.read_folder(animals[0], split="test", image_size=16).images.shape == (2, 16, 16, 3)
    assert data.read_folder(animals[0], split="test", image_size=8).images.shape == (2, 8, 8, 3)


def test_two_processes_may_decode_the_same_pictures(animals, cache, monkeypatch):
    decode, between = folder_module._decode, []

    def decode_slowly(path, **options):
        if not between:
            between.append(None)
            monkeypatch.setattr("os.getpid", lambda: 0)
            between.append(data.read_folder(animals[0], split="train", image_size=16))
        return decode(path, **options)

    monkeypatch.setattr(folder_module, "_decode", decode_slowly)
    dataset = data.read_folder(animals[0], split="train", image_size=16)
    assert dataset.spec == between[1].spec
    assert [p.suffix for p in (cache / "jaxvae" / "pictures").iterdir() if p.is_dir()] == [""]


def test_an_interrupted_decoding_leaves_nothing(animals, cache, monkeypatch):
    def interrupt(path, **_):
        raise KeyboardInterrupt

    monkeypatch.setattr(folder_module, "_decode", interrupt)
    with pytest.raises(KeyboardInterrupt):
        splits(animals[0])
    assert [p.name for p in (cache / "jaxvae" / "pictures").iterdir() if p.is_dir()] == []


def test_the_middle_is_cut_out(tmp_path):
    wide = draw(tmp_path / "wide.png", shape=(16, 30, 3))
    np.testing.assert_array_equal(single(tmp_path / "wide.png"), wide[:, 7:23])


def test_resizing_does_not_alias(tmp_path):
    checks = np.indices((64, 64)).sum(0) % 2 * 255
    Image.fromarray(np.dstack([checks.astype(np.uint8)] * 3)).save(tmp_path / "checks.png")
    small = single(tmp_path / "checks.png", size=16)
    assert np.abs(small[2:-2, 2:-2].astype(int) - 127).max() <= 2


def test_pictures_are_turned_as_their_camera_was(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned; the picture has to be turned clockwise
    image = draw(tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(single(tmp_path / "turned.png"), np.rot90(image, -1))


GREY = RNG.integers(0, 256, (16, 16), dtype=np.uint8)
MODES = {
    "grey": (Image.fromarray(GREY), GREY),
    "bilevel": (Image.fromarray(GREY > 127), (GREY > 127) * np.uint8(255)),
    "16 bits": (Image.fromarray(GREY.astype(np.uint16) * 257), GREY),
    "palette": (Image.fromarray(GREY).convert("P"), GREY),
    "opaque": (Image.fromarray(np.dstack([GREY] * 3 + [np.full_like(GREY, 255)])), GREY),
    "transparent": (Image.fromarray(np.dstack([GREY] * 3 + [np.zeros_like(GREY)])), np.full_like(GREY, 255)),
}


@pytest.mark.parametrize("mode", MODES)
def test_pictures_of_every_mode_become_rgb(tmp_path, mode):
    picture, expected = MODES[mode]
    picture.save(tmp_path / "picture.png")
    np.testing.assert_array_equal(single(tmp_path / "picture.png"), np.dstack([expected] * 3))


DEEP = {
    "32 bits of 8": (GREY.astype(np.int32), GREY),
    "32 bits of 16": (GREY.astype(np.int32) * 257, GREY),
    "dark 16 bits": (GREY.astype(np.uint16), np.uint8(GREY > 128)),
    "beyond 16 bits": (GREY.astype(np.int32) * 200_000 - 70_000, np.uint8(GREY > 0) * np.uint8(255)),
    "fractions": (GREY.astype(np.float32) / 255, GREY),
    "floats of 8 bits": (GREY.astype(np.float32), GREY),
    "floats of 16 bits": (GREY.astype(np.float32) * 257, GREY),
    "no numbers": (np.where(GREY > 127, np.nan, np.float32(1)), (GREY <= 127) * np.uint8(255)),
    "black": (np.zeros((16, 16), np.float32), np.zeros((16, 16), np.uint8)),
}


@pytest.mark.parametrize("kind", DEEP)
def test_deep_pictures_keep_their_shades(tmp_path, kind):
    values, expected = DEEP[kind]
    Image.fromarray(values).save(tmp_path / "picture.tif")
    np.testing.assert_array_equal(single(tmp_path / "picture.tif"), np.dstack([expected] * 3))


def test_cmyk_and_jpeg_are_read(tmp_path):
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "red.jpg", quality=95)
    red = single(tmp_path / "red.jpg")[8, 8].astype(int)
    assert red[0] > 200
    assert max(red[1:]) < 60


def test_unreadable_pictures_are_counted_and_named_at_every_start(animals, capsys):
    root, images = animals
    (root / "bird" / "broken.jpg").write_bytes(b"hello")
    whole = (root / "bird" / "0.png").read_bytes()
    (root / "horse" / "torn.png").write_bytes(whole[: len(whole) // 2])
    (root / "bird" / "._0.png").write_bytes(b"left by macOS")
    for _ in range(2):
        train, test = splits(root)
        assert len(train) + len(test) == len(images)
        out = capsys.readouterr().out
        assert "bird/broken.jpg (no picture that Pillow reads)" in out
        assert "horse/torn.png (" in out
        assert sum(int(line.split(": ")[1].split()[0]) for line in out.splitlines()) == 2


def test_nothing_left_is_an_error(tmp_path):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"hello")
    assert "has no picture that can be used: " in said(tmp_path)


def test_folders_that_make_no_data_set_are_one_line(tmp_path):
    assert "must be a folder of pictures, but is missing" in said(tmp_path / "missing")
    assert "holds no picture" in said(tmp_path)
    draw(tmp_path / "only.png")
    assert "must hold at least two pictures" in said(tmp_path)
    assert "got only.png alone" in said(tmp_path)
    draw(tmp_path / "tiny.png", shape=(7, 20, 3))
    assert "has no picture that can be used: tiny.png (20 x 7 pixels, expected at least 8 x 8)" in said(
        tmp_path
    )


def test_a_cache_that_cannot_be_written_is_one_line(animals, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert "decoded pictures cannot be kept in" in said(animals[0])


@pytest.fixture
def faces(tmp_path):
    images = {f"{i}.png": draw(tmp_path / "img" / f"{i}.png") for i in range(4)}
    lines = ["4", "Smiling Bald", "0.png 1 -1", "1.png -1 -1", "2.png -1  1", "3.png 1 1"]
    (tmp_path / "list_attr.txt").write_text("\n".join(lines) + "\n")
    return tmp_path, images, lines


def test_attributes_belong_to_their_pictures(faces):
    root, images, _ = faces
    expected = {"0.png": (1, 0), "1.png": (0, 0), "2.png": (0, 1), "3.png": (1, 1)}
    parts = splits(root)
    assert {part.attributes.names for part in parts} == {("Smiling", "Bald")}
    found = {i.tobytes(): tuple(v) for p in parts for i, v in zip(p.images, p.attributes.values, strict=True)}
    assert found == {images[name].tobytes(): value for name, value in expected.items()}
    assert parts[0].attributes.values.dtype == bool


def test_attributes_decide_the_fingerprint(faces):
    root, _, lines = faces
    before = [part.spec.fingerprint for part in splits(root)]
    lines[2:] = [line.replace(" 1", " -1") for line in lines[2:]]
    (root / "list_attr.txt").write_text("\n".join(lines))
    assert [part.spec.fingerprint for part in splits(root)] != before


def test_attributes_that_do_not_fit_are_one_line(faces):
    root, _, lines = faces
    file = root / "list_attr.txt"
    file.write_text("\n".join(lines[:-1]))
    assert (
        "list_attr.txt must list the attributes of every picture beside it, but lacks 1 of 4, such as 3.png"
        in said(root)
    )
    file.write_text("\n".join(["6", *lines[1:], "8.png 1 1", "7.png 1 1"]))
    message = said(root)
    assert "lists pictures that do not exist, 2 of 6, such as 8.png" in message
    file.write_text("\n".join(["5", *lines[1:]]))
    assert "line 1 of" in said(root)
    assert "must be the number of pictures that it lists, 4, got '5'" in said(root)
    file.write_text("\n".join(["5", *lines[1:], "1.png 1 1"]))
    assert "lists 1.png again after line 4; remove one of the two." in said(root)
    file.write_text("\n".join(["4", "Smiling Smiling", *lines[2:]]))
    assert "names the attribute Smiling twice; rename one of the two." in said(root)
    file.write_text("\n".join([*lines[:3], "1.png -1 2", *lines[4:]]))
    assert "line 4 of" in said(root)
    assert "2 times 1 or -1, got '1.png -1 2'" in said(root)
    file.write_text("4")
    assert "must be a list of attributes" in said(root)


def test_attributes_of_two_pictures_of_one_name_are_refused(faces):
    root, _, _ = faces
    draw(root / "other" / "1.png")
    draw(root / "other" / "2.png")
    message = said(root)
    assert "list_attr.txt identifies pictures by file name, but 2 names occur more than once" in message
    assert "such as 1.png; rename these pictures." in message
    (root / "list_attr.txt").unlink()
    assert sum(map(len, splits(root))) == 6


def test_what_a_folder_cannot_use_is_refused(animals):
    with pytest.raises(ValueError, match="leave them out of a folder's"):
        splits(animals[0], data_dir="somewhere")
    with pytest.raises(ValueError, match="folder: must be followed by the path of a folder of pictures"):
        data.load("folder:", split="train")
    with pytest.raises(ValueError, match="image_size must be at least 8, got 0"):
        data.load(f"folder:{animals[0]}", split="train", image_size=0)


def test_the_record_of_a_kept_set_says_what_it_is(animals, cache):
    train, test = splits(animals[0])
    records = [read_facts(file) for file in (cache / "jaxvae" / "pictures").rglob("facts.txt")]
    assert {record["fingerprint"] for record in records} == {train.spec.fingerprint, test.spec.fingerprint}
    assert sorted(record["shape"][0] for record in records) == [2, 18]


def test_a_picture_that_changes_meanwhile_is_never_kept(animals, cache, monkeypatch):
    root, _ = animals
    victim = root / "bird" / "0.png"
    original, status = victim.read_bytes(), victim.stat()
    other = (root / "bird" / "1.png").read_bytes()
    right = splits(root)
    decode = folder_module._decode

    def change(content):
        victim.write_bytes(content) if content else victim.unlink(missing_ok=True)

    for content in (other, None):
        shutil.rmtree(cache / "jaxvae")

        def decode_another(file, content=content, **options):
            if file[0] == victim:
                change(content)
            return decode(file, **options)

        with monkeypatch.context() as patch:
            patch.setattr(folder_module, "_decode", decode_another)
            assert f"{victim} has changed while it was read; run again" in said(root)
        change(original)
        os.utime(victim, ns=(status.st_atime_ns, status.st_mtime_ns))
        for a, b in zip(splits(root), right, strict=True):
            assert a.spec == b.spec
            np.testing.assert_array_equal(a.images, b.images)


def test_only_regular_files_are_read(animals, capsys):
    root, images = animals
    os.mkfifo(root / "bird" / "pipe.png")
    (root / "bird" / "gone.png").symlink_to(root / "nowhere.png")
    assert sum(map(len, splits(root))) == len(images)
    out = capsys.readouterr().out
    assert "bird/pipe.png (no regular file)" in out
    assert "bird/gone.png (No such file or directory)" in out
    (root / "bird" / "gone.png").unlink()
    with pytest.raises(data.DataError, match=r"pipe\.png is not a readable picture \(no regular file\)"):
        data.read_pictures(root / "bird")
    os.mkfifo(root / "list_attr.txt")
    assert "list_attr.txt cannot be read (no regular file); replace it" in said(root)


def test_small_pictures_are_left_out_and_counted_as_damaged_ones_are(animals, capsys):
    root, images = animals
    draw(root / "bird" / "tiny.png", shape=(1, 1, 3))
    (root / "bird" / "new.heic").write_bytes(b"of a telephone")
    assert sum(map(len, splits(root))) == len(images)
    out = capsys.readouterr().out
    assert "bird/tiny.png (1 x 1 pixels, expected at least 8 x 8)" in out
    assert "bird/new.heic (no picture that Pillow reads)" in out


def test_names_may_be_no_utf8(animals, capsys):
    root, images = animals
    folder = root / os.fsdecode(b"h\xe9risson")
    draw(folder / os.fsdecode(b"\xff.png"))
    (folder / os.fsdecode(b"broken\xff.png")).write_bytes(b"hello")
    for _ in range(2):
        train, test = splits(root)
        assert train.spec.class_names == ("bird", "horse", "h\\xe9risson")
        assert len(train) + len(test) == len(images) + 1
        assert "h\\xe9risson/broken\\xff.png (no picture that Pillow reads)" in capsys.readouterr().out
    other = folder.rename(root.parent / os.fsdecode(b"only\xff"))
    draw(other / "2.png")
    assert splits(other)[0].spec.name.endswith("/only\\xff")


def test_classes_may_be_links(animals, tmp_path):
    root, images = animals
    (tmp_path / "links").mkdir()
    for name in ("bird", "horse"):
        (tmp_path / "links" / name).symlink_to(root / name)
    train, test = splits(tmp_path / "links")
    assert train.spec.class_names == ("bird", "horse")
    assert len(train) + len(test) == len(images)


def test_what_is_in_neither_split_is_said_once(animals, tmp_path, capsys):
    for split in ("train", "val"):
        shutil.copytree(animals[0], tmp_path / "sets" / split)
    draw(tmp_path / "sets" / "cover.png")
    train, test = splits(tmp_path / "sets")
    assert (len(train), len(test), train.spec.class_names) == (20, 20, ("bird", "horse"))
    assert capsys.readouterr().out == f"folder:{tmp_path / 'sets'}: 1 in neither split: cover.png.\n"


def test_lists_are_found_where_their_authors_put_them(faces):
    root, images, _ = faces
    expected = splits(root)
    (root / "Anno").mkdir()
    (root / "list_attr.txt").rename(root / "Anno" / "list_attr_celeba.txt")
    for part, before in zip(splits(root), expected, strict=True):
        np.testing.assert_array_equal(part.attributes.values, before.attributes.values)
    (root / "Eval").mkdir()
    parts = "".join(f"{name} {2 if name == '1.png' else 0}\n" for name in images)
    (root / "Eval" / "list_eval_partition.txt").write_text(parts)
    np.testing.assert_array_equal(splits(root)[1].images[0], images["1.png"])
    shutil.copytree(root / "Anno", root / "Other")
    assert f"{root / 'Anno'} and {root / 'Other'} both hold a list list_attr*; move one away" in said(root)
    shutil.copy(root / "Anno" / "list_attr_celeba.txt", root / "List_Attr.TXT")
    assert splits(root)[0].attributes.names == ("Smiling", "Bald")


def test_a_list_may_begin_with_a_mark_and_says_which_line_it_lacks(faces):
    root, _, lines = faces
    file = root / "list_attr.txt"
    file.write_text("\n".join(lines), "utf-8-sig")
    assert splits(root)[0].attributes.names == ("Smiling", "Bald")
    file.write_text("\n".join(lines[1:]))
    assert "must be the number of pictures, above the line of names, got 'Smiling Bald'; insert it." in said(
        root
    )
    file.write_text("\n".join([lines[0], *lines[2:]]))
    assert "line 2 of" in said(root)
    assert "must be the names of the attributes, got '0.png 1 -1'; insert them." in said(root)
