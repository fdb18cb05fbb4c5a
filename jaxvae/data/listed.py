"""CelebA's list files: text files beside pictures whose lines begin with a picture's file name.

The official lists separate names and values by spaces. The CSV files of CelebA's mirrors hold the same, separated by
commas, below a line that names the columns.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from jaxvae.data.contents import read_regular, shown
from jaxvae.data.dataset import DataError
from jaxvae.data.pictures import reason

_ENDINGS = (".txt", ".csv")


def find_list(files: Iterable[Path], pattern: str) -> Path | None:
    """Finds a list among the files of a folder, such as CelebA's in its subfolder Anno or Eval.

    Args:
        files: paths of the files.
        pattern: the list's name without ending, a pattern in lower case.

    Returns:
        The outermost that matches and ends in .txt, or else in .csv; None if there is none.

    Raises:
        DataError: several folders hold one and none of them is outside the others.
    """
    found = [file for file in files if _is_list(file, pattern)]
    if not found:
        return None
    least = min(len(file.parts) for file in found)
    outermost = [file for file in found if len(file.parts) == least]
    folders = sorted({file.parent for file in outermost})
    if len(folders) > 1:
        raise DataError(
            f"{folders[0]} and {folders[1]} both hold a list {pattern}; move one away, or give one folder of them."
        )
    return min(outermost, key=lambda file: (_ENDINGS.index(file.suffix.lower()), file))


def _is_list(file: Path, pattern: str) -> bool:
    return file.suffix.lower() in _ENDINGS and fnmatchcase(file.stem.lower(), pattern)


def list_content(file: Path) -> bytes:
    """Reads a list.

    Args:
        file: path of the list.

    Returns:
        Its content.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return read_regular(file)
    except OSError as error:
        raise DataError(f"{file} cannot be read ({reason(error)}); replace it or move it away.") from None


def is_csv(file: Path) -> bool:
    """Tells the two forms of lists apart.

    Args:
        file: a list.

    Returns:
        Whether values are separated by commas.
    """
    return file.suffix.lower() == ".csv"


def lines_of(content: bytes) -> list[str]:
    """Splits a list into lines.

    Args:
        content: content of the file, with or without a byte-order mark.

    Returns:
        Its lines.

    Raises:
        ValueError: it is no UTF-8.
    """
    return content.decode("utf-8-sig").splitlines()


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
            f"as {shown(missing[0])}; add or remove them."
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
