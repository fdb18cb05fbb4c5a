"""Attributes of pictures in CelebA's format: a text file beside the pictures."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from jaxvae.data.dataset import DataError
from jaxvae.data.listed import cells, check_listed, entries, find_list, is_csv, lines_of

_SIGNS = {"1", "-1"}


def find_attributes(files: Iterable[Path]) -> Path | None:
    """Finds the list of attributes of a folder.

    Args:
        files: paths of the folder's files.

    Returns:
        Path of `list_attr.txt`, `list_attr_celeba.csv` or the like; None if there is no such file.

    Raises:
        DataError: as `find_list`.
    """
    return find_list(files, "list_attr*")


def read_attributes(
    file: Path, content: bytes, pictures: Sequence[Path]
) -> tuple[tuple[str, ...], dict[str, Bool[np.ndarray, " k"]]]:
    """Reads a list of attributes: a line with the number of pictures, a line of names, a line for each picture.

    A CSV file has no number of pictures, and the line of names begins with that of the column of pictures.

    Args:
        file: path of the list, named in errors.
        content: its content; a picture's line is its file name and 1 or -1 for each attribute.
        pictures: paths of the existing pictures.

    Returns:
        The k names, and for each picture's file name whether it has each attribute.

    Raises:
        DataError: the content is no text, a line has another form, an attribute or a picture is listed twice, or the
            list does not match the existing pictures or its own count.

    References:
        Liu, Luo, Wang & Tang, Deep Learning Face Attributes in the Wild, ICCV 2015: list_attr_celeba.txt.
    """
    count, header, lines = _parts(file, content)
    first = 2 if is_csv(file) else 3  # number of the first picture's line
    columns = cells(file, header)
    names = tuple(columns[1:] if is_csv(file) else columns)
    if not names or _SIGNS & set(names):
        raise DataError(
            f"line {first - 1} of {file} must be the names of the attributes, got {header.strip()[:60]!r}; insert them."
        )
    if repeated := [name for place, name in enumerate(names) if name in names[:place]]:
        raise DataError(
            f"line {first - 1} of {file} names the attribute {repeated[0]} twice; rename one of the two."
        )
    values = {}
    for number, picture, signs in entries(file, lines, first=first):
        if len(signs) != len(names) or not set(signs) <= _SIGNS:
            raise DataError(
                f"line {number} of {file} must be a picture's name and {len(names)} times 1 or -1, "
                f"got {' '.join([picture, *signs])[:60]!r}; correct it."
            )
        values[picture] = np.array([sign == "1" for sign in signs])
    check_listed(file, values, pictures, what="attributes")
    if count not in (None, str(len(values))):
        raise DataError(
            f"line 1 of {file} must be the number of pictures that it lists, {len(values)}, got "
            f"{count!r}; correct the number or the list."
        )
    return names, values


def _parts(file: Path, content: bytes) -> tuple[str | None, str, list[str]]:
    """The number of pictures, the line of names, and the lines of pictures."""
    try:
        lines = lines_of(content)
        count = None if is_csv(file) else lines.pop(0).strip()
        header, *lines = lines
    except (ValueError, IndexError) as error:
        form = "a line of names, and a line for each picture"
        raise DataError(
            f"{file} must be a list of attributes: {form if is_csv(file) else f'a count, {form}'} ({error})."
        ) from None
    if count is not None and not count.isdecimal():
        raise DataError(
            f"line 1 of {file} must be the number of pictures, above the line of names, got {count[:60]!r}; insert it."
        )
    return count, header, lines
