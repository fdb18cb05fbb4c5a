"""The parts that CelebA deals its pictures into, listed in a text file beside them."""

from collections.abc import Sequence
from pathlib import Path

from jaxvae.data.dataset import DataError
from jaxvae.data.listed import check_listed, entries

_PARTS = {"0": "train", "1": "validation", "2": "test"}


def find_partition(folder: Path) -> Path | None:
    """Finds CelebA's list of parts in a folder.

    Args:
        folder: of pictures.

    Returns:
        `list_eval_partition.txt`; None if there is none.
    """
    file = folder / "list_eval_partition.txt"
    return file if file.exists() else None


def read_partition(file: Path, pictures: Sequence[Path]) -> dict[str, str]:
    """Reads a list of parts: a line for each picture.

    Args:
        file: whose lines give a picture's file name and 0, 1 or 2.
        pictures: that are there.

    Returns:
        "train", "validation" or "test" by the picture's file name.

    Raises:
        DataError: the file cannot be read, a line is not of that form, a picture is listed twice, the pictures are
            others, or none is to train on or none to test on.

    References:
        Liu, Luo, Wang & Tang, Deep Learning Face Attributes in the Wild, ICCV 2015: list_eval_partition.txt.
    """
    try:
        lines = file.read_text().splitlines()
    except (OSError, ValueError) as error:
        raise DataError(f"{file} must be a list of parts with a line for each picture ({error}).") from None
    parts = {}
    for number, picture, values in entries(file, lines, first=1):
        if len(values) != 1 or values[0] not in _PARTS:
            raise DataError(
                f"line {number} of {file} must be a picture's name and 0 to train on it, 1 to leave it out or 2 to "
                f"test on it, got {' '.join([picture, *values])[:60]!r}; correct it."
            )
        parts[picture] = _PARTS[values[0]]
    check_listed(file, parts, pictures, what="parts")
    for code in ("0", "2"):
        if _PARTS[code] not in parts.values():
            raise DataError(
                f"{file} must give pictures to train on, 0, and to test on, 2, and has no {code}; give some."
            )
    return parts
