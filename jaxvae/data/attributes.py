"""Attributes of pictures as CelebA lists them, in a text file beside the pictures."""

from pathlib import Path

import numpy as np
from jaxtyping import Bool

from jaxvae.data.dataset import DataError


def find_attributes(folder: Path) -> Path | None:
    """Finds CelebA's list in a folder.

    Args:
        folder: of pictures.

    Returns:
        `list_attr.txt`, `list_attr_celeba.txt` or the like; None if there is none.
    """
    return next(iter(sorted(folder.glob("list_attr*.txt"))), None)


def read_attributes(file: Path) -> tuple[tuple[str, ...], dict[str, Bool[np.ndarray, " k"]]]:
    """Reads a list of attributes: a line with the number of pictures, one with names, and one for each picture.

    Args:
        file: whose lines give a picture's file name and 1 or -1 for each attribute.

    Returns:
        The k names, and whether each picture has them, by its file name.

    Raises:
        DataError: the file cannot be read, or a line is not of that form.

    References:
        Liu, Luo, Wang & Tang, Deep Learning Face Attributes in the Wild, ICCV 2015: list_attr_celeba.txt.
    """
    try:
        _, header, *lines = file.read_text().splitlines()
    except (OSError, ValueError) as error:
        raise DataError(
            f"{file} must be a list of attributes: a count, a line of names, and a line for each picture ({error})."
        ) from None
    names = tuple(header.split())
    values = {}
    for number, line in enumerate(lines, 3):
        if not line.strip():
            continue
        picture, *signs = line.split()
        if len(signs) != len(names) or not set(signs) <= {"1", "-1"}:
            raise DataError(
                f"line {number} of {file} must be a picture's name and {len(names)} times 1 or -1, "
                f"got {' '.join(line.split())[:60]!r}."
            )
        values[picture] = np.array([sign == "1" for sign in signs])
    return names, values
