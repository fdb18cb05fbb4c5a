"""CelebA's partition into training, validation and test pictures, in a text file beside the pictures."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from jaxvae.data.dataset import DataError
from jaxvae.data.listed import check_listed, entries, find_list, is_csv, lines_of

_PARTS = {"0": "train", "1": "validation", "2": "test"}


def find_partition(files: Iterable[Path]) -> Path | None:
    """Finds the partition of a folder.

    Args:
        files: paths of the folder's files.

    Returns:
        Path of `list_eval_partition.txt` or `.csv`; None if there is no such file.

    Raises:
        DataError: as `find_list`.
    """
    return find_list(files, "list_eval_partition")


def read_partition(file: Path, content: bytes, pictures: Sequence[Path]) -> dict[str, str]:
    """Reads a partition: a line for each picture.

    Args:
        file: path of the list, named in errors.
        content: its content; a picture's line is its file name and 0, 1 or 2. In a CSV file a first line names the
            columns.
        pictures: paths of the existing pictures.

    Returns:
        "train", "validation" or "test" for each file name.

    Raises:
        DataError: the content is no text, a line has another form, a picture is listed twice, the list does not match
            the existing pictures, or there are no pictures for training or none for testing.

    References:
        Liu, Luo, Wang & Tang, Deep Learning Face Attributes in the Wild, ICCV 2015: list_eval_partition.txt.
    """
    try:
        header = 1 if is_csv(file) else 0
        lines = lines_of(content)[header:]
    except ValueError as error:
        raise DataError(f"{file} must be a list of parts with a line for each picture ({error}).") from None
    parts = {}
    for number, picture, values in entries(file, lines, first=1 + header):
        if len(values) != 1 or values[0] not in _PARTS:
            raise DataError(
                f"line {number} of {file} must be a picture's name and 0 (train), 1 (leave out) or 2 (test), "
                f"got {' '.join([picture, *values])[:60]!r}; correct it."
            )
        parts[picture] = _PARTS[values[0]]
    check_listed(file, parts, pictures, what="parts")
    for code in ("0", "2"):
        if _PARTS[code] not in parts.values():
            raise DataError(
                f"{file} must mark pictures for training, 0, and for testing, 2, but has no {code}; mark some."
            )
    return parts
