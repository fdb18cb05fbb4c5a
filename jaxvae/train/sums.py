"""A list of the checksums of a folder's files, by which a complete and undamaged checkpoint is known.

It is written last, in the form that `sha256sum --check` reads: a comment with the number of files, then a line for
each. Files that it does not list, such as those that file managers leave, do not count.
"""

import hashlib
import re
from pathlib import Path

from jaxvae.files import write_atomically

SUMS = "SHA256SUMS"
"""Name of the list."""

_HEAD = re.compile(r"# ([0-9]+) files")
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


def write_sums(folder: Path) -> None:
    """Lists all files of a folder but the hidden ones.

    Args:
        folder: to write the list into.

    Raises:
        OSError: the list cannot be written.
    """
    files = _files(folder)
    lines = [f"# {len(files)} files", *(f"{_digest(file)}  {name}" for name, file in sorted(files.items()))]
    write_atomically(folder / SUMS, "".join(f"{line}\n" for line in lines).encode())


def damage(folder: Path) -> str | None:
    """Compares a folder with its list.

    Args:
        folder: one that has a list.

    Returns:
        What is wrong with the listed files, or with the list; None if they are undamaged.
    """
    try:
        first, *others = (folder / SUMS).read_bytes().decode(errors="replace").splitlines() or [""]
        stated = _HEAD.fullmatch(first)
        lines = [_LINE.fullmatch(line) for line in (others if stated else [first, *others])]
        listed = {line[2]: line[1] for line in lines if line}
        if len(listed) != (int(stated[1]) if stated else len(lines)):
            return f"{SUMS} is truncated or altered"
        present = _files(folder)
        if missing := sorted(listed.keys() - present.keys()):
            return f"{missing[0]} is missing"
        wrong = (name for name, digest in listed.items() if _digest(present[name]) != digest)
        altered = next(wrong, None)
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    return f"{altered} is truncated or altered" if altered else None


def _files(folder: Path) -> dict[str, Path]:
    """The files by their path in the folder, those apart that the list does not count."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return {
        file.relative_to(folder).as_posix(): file for file in files if not file.name.startswith((".", SUMS))
    }


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
