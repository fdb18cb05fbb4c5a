"""Attributes of pictures in CelebA's format: a text file beside the pictures."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from jaxvae.data.dataset import DataError
from jaxvae.data.listed import cells, check_listed, entries, find_list, is_csv


def find_attributes(folder: Path) -> Path | None:
    """Finds the list of attributes in a folder.

    Args:
        folder: folder of pictures.

    Returns:
        Path of `list_attr.txt`, `list_attr_celeba.csv` or the like; None if there is no such file.
    """
    return find_list(folder, "list_attr*")


def read_attributes(
    file: Path, pictures: Sequence[Path]
) -> tuple[tuple[str, ...], dict[str, Bool[np.ndarray, " k"]]]:
    """Reads a list of attributes: a line with the number of pictures, a line of names, a line for each picture.

    A CSV file has no number of pictures, and the line of names begins with that of the column of pictures.

    Args:
        file: the list; a picture's line is its file name and 1 or -1 for each attribute.
        pictures: paths of the existing pictures.

    Returns:
        The k names, and for each picture's file name whether it has each attribute.

    Raises:
        DataError: the file cannot be read, a line has another form, an attribute or a picture is listed twice, or the
            list does not match the existing pictures or its own count.

    References:
        Liu, Luo, Wang & Tang, Deep Learning Face Attributes in the Wild, ICCV 2015: list_attr_celeba.txt.
    """
    try:
        lines = file.read_text("utf-8-sig").splitlines()
        count = None if is_csv(file) else lines.pop(0)
        header, *lines = lines
    except (OSError, ValueError, IndexError) as error:
        form = "a line of names, and a line for each picture"
        raise DataError(
            f"{file} must be a list of attributes: {form if is_csv(file) else f'a count, {form}'} ({error})."
        ) from None
    first = 2 if is_csv(file) else 3  # number of the first picture's line
    columns = cells(file, header)
    names = tuple(columns[1:] if is_csv(file) else columns)
    if repeated := [name for place, name in enumerate(names) if name in names[:place]]:
        raise DataError(
            f"line {first - 1} of {file} names the attribute {repeated[0]} twice; rename one of the two."
        )
    values = {}
    for number, picture, signs in entries(file, lines, first=first):
        if len(signs) != len(names) or not set(signs) <= {"1", "-1"}:
            raise DataError(
                f"line {number} of {file} must be a picture's name and {len(names)} times 1 or -1, "
                f"got {' '.join([picture, *signs])[:60]!r}; correct it."
            )
        values[picture] = np.array([sign == "1" for sign in signs])
    check_listed(file, values, pictures, what="attributes")
    if count is not None and count.strip() != str(len(values)):
        raise DataError(
            f"line 1 of {file} must be the number of pictures that it lists, {len(values)}, got "
            f"{count.strip()[:60]!r}; correct the number or the list."
        )
    return names, values
