"""CelebA's list files: text files beside pictures whose lines begin with a picture's file name."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from jaxvae.data.dataset import DataError


def entries(file: Path, lines: Sequence[str], *, first: int) -> Iterator[tuple[int, str, list[str]]]:
    """Splits the lines of a list; blank lines are skipped.

    Args:
        file: the list, named in errors.
        lines: lines of the list, each a picture's file name and values separated by spaces.
        first: line number of the first of these lines in the file.

    Yields:
        The line's number, the picture's name, and the values.

    Raises:
        DataError: a picture is listed twice.
    """
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, first):
        if not line.strip():
            continue
        picture, *values = line.split()
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
