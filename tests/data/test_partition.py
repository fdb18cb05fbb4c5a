import numpy as np
import pytest
from PIL import Image

from jaxvae import data

PARTS = "0200112020"


@pytest.fixture
def faces(tmp_path, monkeypatch):
    """A folder of ten pictures whose first pixel is their number, in CelebA's layout."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "faces"
    for i in range(10):
        (root / "img" / "ab"[i % 2]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8, 3), i, np.uint8)).save(root / "img" / "ab"[i % 2] / f"{i}.png")
    signs = [f"{i}.png {1 if i > 4 else -1}" for i in range(10)]
    (root / "list_attr.txt").write_text("\n".join(["10", "Late", *signs]) + "\n")
    write(root, lines_of(PARTS))
    return root


def lines_of(parts):
    return [f"{i}.png {part}" for i, part in enumerate(parts)]


def write(root, lines):
    (root / "list_eval_partition.txt").write_text("\n".join(lines) + "\n")


def found(root, **options):
    train, test = data.load_splits(f"folder:{root}", image_size=8, **options)
    return [part.images[:, 0, 0, 0].tolist() for part in (train, test)]


def those(code, parts=PARTS):
    return [i for i, part in enumerate(parts) if part == code]


def test_the_numbers_decide_the_splits(faces):
    train, test = found(faces)
    assert sorted(train) == those("0")
    assert sorted(test) == those("2")


def test_classes_limit_and_attributes_are_kept(faces):
    train, test = data.load_splits(f"folder:{faces}", image_size=8)
    assert train.spec.class_names == ("a", "b")
    for part in (train, test):
        numbers = part.images[:, 0, 0, 0]
        np.testing.assert_array_equal(part.labels, numbers % 2)
        np.testing.assert_array_equal(part.attributes.values[:, 0], numbers > 4)
    assert [len(part) for part in found(faces, limit=2)] == [2, 2]
    assert [sorted(part) for part in found(faces, classes=("b",))] == [[3, 7, 9], [1]]


def test_a_changed_list_is_noticed(faces):
    before = found(faces)
    changed = PARTS[::-1]
    write(faces, lines_of(changed))
    assert sorted(found(faces)[0]) == those("0", changed)
    write(faces, lines_of(PARTS))
    assert found(faces) == before
    (faces / "list_eval_partition.txt").unlink()
    assert [len(part) for part in found(faces)] == [9, 1]


def test_the_list_comes_before_folders_of_splits(faces):
    for old, new in (("a", "train"), ("b", "test")):
        (faces / "img" / old).rename(faces / "img" / new)
    train, _ = data.load_splits(f"folder:{faces}", image_size=8)
    assert sorted(train.images[:, 0, 0, 0]) == those("0")
    assert train.spec.class_names == ()


def test_unreadable_pictures_belong_to_the_lists(faces, capsys):
    (faces / "img" / "a" / "0.png").write_bytes(b"hello")
    assert sorted(found(faces)[0]) == those("0")[1:]
    assert "1 left out, which cannot be used: img/a/0.png" in capsys.readouterr().out


WHOLE = lines_of(PARTS)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            WHOLE[:-2],
            "must list the parts of every picture beside it, but lacks 2 of 10, such as 8.png; add or remove them.",
        ),
        (
            [*WHOLE, "x.png 1"],
            "lists pictures that do not exist, 1 of 11, such as x.png; add them or remove their lines.",
        ),
        ([*WHOLE, "3.png 0"], "lists 3.png again after line 4; remove one of the two."),
        ([WHOLE[0], "1.png 3", *WHOLE[2:]], r"line 2 of .* or 2 \(test\), got '1.png 3'; correct it."),
        ([*WHOLE[:-1], "9.png"], "line 10 of .* got '9.png'"),
        (lines_of("0111111111"), "must mark pictures for training, 0, and for testing, 2, but has no 2"),
        (lines_of("2111111111"), "has no 0; mark some."),
    ],
)
def test_a_list_that_does_not_fit_is_one_line(faces, lines, message):
    write(faces, lines)
    with pytest.raises(data.DataError, match=r"^[^\n]*list_eval_partition\.txt [^\n]*$") as error:
        found(faces)
    assert error.match(message)


def test_a_list_that_cannot_be_read_is_one_line(faces):
    (faces / "list_eval_partition.txt").write_bytes(b"\xff\xfe\x80")
    with pytest.raises(data.DataError, match="must be a list of parts with a line for each picture"):
        found(faces)


def to_csv(root):
    """Puts the lists in the form of CelebA's mirrors: commas, a line of column names, no count."""
    for name, columns in (("list_attr", "image_id,Late"), ("list_eval_partition", "image_id,partition")):
        lines = (root / f"{name}.txt").read_text().splitlines()[2 if name == "list_attr" else 0 :]
        (root / f"{name}.txt").unlink()
        (root / f"{name}.csv").write_text("\n".join([columns, *(line.replace(" ", ",") for line in lines)]))


def test_lists_in_csv_files_say_the_same(faces):
    before = data.load_splits(f"folder:{faces}", image_size=8)
    to_csv(faces)
    for old, new in zip(before, data.load_splits(f"folder:{faces}", image_size=8), strict=True):
        assert new.spec == old.spec
        assert new.attributes.names == ("Late",)
        np.testing.assert_array_equal(new.attributes.values, old.attributes.values)


def test_a_csv_file_may_come_from_windows(faces):
    to_csv(faces)
    before = found(faces)
    for file in faces.glob("*.csv"):
        text = file.read_text()
        file.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode() + b"\r\n")
    assert found(faces) == before


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "list_attr",
            "image_id,Late\n0.png,0",
            "line 2 of .* and 1 times 1 or -1, got '0.png 0'",
        ),
        ("list_attr", "image_id,Late,Late", "line 1 of .* names the attribute Late twice"),
        (
            "list_attr",
            "image_id,Late\n0.png,1",
            "must list the attributes of every picture .* lacks 9 of 10",
        ),
        ("list_attr", "", "must be a list of attributes: a line of names, and a line for each picture"),
        ("list_eval_partition", "image_id,partition\n0.png,3", "line 2 of .* must be a picture's name and 0"),
        ("list_eval_partition", "image_id,partition\n0.png 0", "line 2 of .* must be a picture's name and 0"),
    ],
)
def test_a_csv_file_that_does_not_fit_is_one_line(faces, name, content, message):
    to_csv(faces)
    (faces / f"{name}.csv").write_text(content)
    with pytest.raises(data.DataError, match=message) as error:
        found(faces)
    assert "\n" not in str(error.value)
