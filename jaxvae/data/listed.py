"""CelebA's list files: text files beside pictures whose lines begin with a picture's file name.

The official lists separate names and values by spaces. The CSV files of CelebA's mirrors hold the same, separated by
commas, below a line that names the columns.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from jaxvae.data.dataset import DataError


def find_list(folder: Path, pattern: str) -> Path | None:
    """Finds a list in a folder.

    Args:
        folder: folder of pictures.
        pattern: the list's name without ending, a glob pattern.

    Returns:
        The first that matches and ends in .txt, or else in .csv; None if there is none.
    """
    files = (file for ending in (".txt", ".csv") for file in sorted(folder.glob(pattern + ending)))
    return next(files, None)


def is_csv(file: Path) -> bool:
    """Tells the two forms of lists apart.

    Args:
        file: a list.

    Returns:
        Whether values are separated by commas.
    """
    return file.suffix == ".csv"


def cells(file: Path, line: str) -> list[str]:
    """Splits a line at spaces, or at the commas of a CSV file.

    Args:
        file: the list that the line is from.
        line: the line.

    Returns:
        Its name and values; empty for a blank line.
    """
    if not is_csv(file) or not line.strip():
        return line.split()
    return [cell.strip().strip('"') for cell in line.split(",")]


def entries(file: Path, lines: Sequence[str], *, first: int) -> Iterator[tuple[int, str, list[str]]]:
    """Splits the lines of a list; blank lines are skipped.

    Args:
        file: the list, named in errors.
        lines: lines of the list, each a picture's file name and values.
        first: line number of the first of these lines in the file.

    Yields:
        The line's number, the picture's name, and the values.

    Raises:
        DataError: a picture is listed twice.
    """
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, first):
        row = cells(file, line)
        if not row:
            continue
        picture, *values = row
        if picture in seen:
            raise DataError(
                f"line {number} of {file} lists {picture} again after line {seen[picture]}; remove one of the two."
            )
        seen[picture] = number
        yield number, picture, values


def check_listed(file: Path, listed: Collection[str], pictures: Sequence[Path], *, what: str) -> None:
    """Refuses a list that does not match the pictures beside it, whether these can be decoded or not.

    Args:
        file: the list, named in errors.
        listed: file names in the list.
        pictures: paths of all existing pictures.
        what: what the list gives, such as "attributes"; named in errors.

    Raises:
        DataError: a picture is not listed, a file name occurs in several folders, or a listed picture does not exist.
    """
    names = Counter(path.name for path in pictures)
    missing = [name for name in names if name not in listed]
    if missing:
        raise DataError(
            f"{file} must list the {what} of every picture beside it, but lacks {len(missing)} of {len(names)}, such "
            f"as {missing[0]}; add or remove them."
        )
    repeated = [name for name, count in names.items() if count > 1]
    if repeated:
        raise DataError(
            f"{file} identifies pictures by file name, but {len(repeated)} names occur more than once, such as "
            f"{repeated[0]}; rename these pictures."
        )
    absent = [name for name in listed if name not in names]
    if absent:
        raise DataError(
            f"{file} lists pictures that do not exist, {len(absent)} of {len(listed)}, such as {absent[0]}; add them "
            "or remove their lines."
        )
