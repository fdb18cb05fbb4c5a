import os
from pathlib import Path

import pytest

from jaxvae.data import DataError
from jaxvae.data.walk import find_pictures, visible_files


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def below(root):
    return [path.relative_to(root).as_posix() for path in visible_files(root)]


def said(root):
    with pytest.raises(DataError) as error:
        visible_files(root)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_files_come_in_the_order_of_their_paths_without_hidden_ones(tmp_path):
    touch(
        tmp_path,
        "b/1.png",
        "a-b/2.png",
        "a/c/3.txt",
        "a/.4.png",
        ".d/5.png",
        "lost+found/6",
        "a/@eaDir/7.jpg",
    )
    assert below(tmp_path) == ["a/c/3.txt", "a-b/2.png", "b/1.png"]


def test_linked_folders_and_files_are_followed_once(tmp_path):
    root = tmp_path / "root"
    touch(tmp_path, "store/dog/1.png", "store/2.png", "root/cat/3.png")
    (root / "dog").symlink_to(tmp_path / "store/dog")
    (root / "cats").symlink_to(root / "cat")
    (root / "a").symlink_to(root / "dog")
    (root / "2.png").symlink_to(tmp_path / "store/2.png")
    assert below(root) == ["2.png", "a/1.png", "cat/3.png"]
    (root / "a").unlink()
    assert below(root) == ["2.png", "cat/3.png", "dog/1.png"]
    (tmp_path / "link").symlink_to(root)
    assert below(tmp_path / "link") == below(root)


@pytest.mark.parametrize("target", [".", "..", "../..", "../../..", "up"])
def test_a_loop_of_links_is_one_line(tmp_path, target):
    touch(tmp_path, "outer/tree/a/1.png")
    (tmp_path / "outer/tree/a/up").symlink_to(target)
    assert "outer/tree/a/up is a link to" in said(tmp_path / "outer/tree")
    assert "a loop; remove" in said(tmp_path / "outer/tree")


def test_a_link_that_leads_nowhere_is_a_file(tmp_path):
    (tmp_path / "1.png").symlink_to(tmp_path / "gone.png")
    assert below(tmp_path) == ["1.png"]


def test_a_folder_without_access_is_one_line(tmp_path, monkeypatch):
    touch(tmp_path, "a/1.png", "b/2.png")
    scan = os.scandir

    def refuse(path):
        if Path(path).name == "b":
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr("os.scandir", refuse)
    assert (
        said(tmp_path)
        == f"{tmp_path / 'b'} cannot be read: Permission denied; give access to it, or move it away."
    )


@pytest.mark.parametrize("ending", ["avif", "jfif", "tga", "jp2", "HEIC", "jxl", "Png"])
def test_pictures_of_all_common_formats_are_found(tmp_path, ending):
    touch(tmp_path, f"a.{ending}", "b.txt", "c")
    assert [path.name for path in find_pictures(tmp_path)] == [f"a.{ending}"]
