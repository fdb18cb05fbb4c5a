"""Text files beside pictures that list them as CelebA's do, by lines that begin with a picture's file name."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from jaxvae.data.dataset import DataError


def entries(file: Path, lines: Sequence[str], *, first: int) -> Iterator[tuple[int, str, list[str]]]:
    """Splits the lines of a list, blank ones left out.

    Args:
        file: that the lines are of.
        lines: a picture's file name and values, parted by blanks.
        first: number of the first of them in the file.

    Yields:
        A line's number, the picture's name, and the values.

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
    """Refuses a list that does not fit the pictures beside it, readable or not.

    Args:
        file: the list.
        listed: file names of the pictures in it.
        pictures: all that are there.
        what: it says of them.

    Raises:
        DataError: a picture is not listed, or there are several of its name, or a listed one is not there.
    """
    names = Counter(path.name for path in pictures)
    missing = [name for name in names if name not in listed]
    if missing:
        raise DataError(
            f"{file} must list the {what} of every picture beside it, and lacks {len(missing)} of {len(names)}, such "
            f"as {missing[0]}; add or remove them."
        )
    repeated = [name for name, count in names.items() if count > 1]
    if repeated:
        raise DataError(
            f"{file} tells pictures by their names alone, and {len(repeated)} names are of several pictures, such as "
            f"{repeated[0]}; rename these."
        )
    absent = [name for name in listed if name not in names]
    if absent:
        raise DataError(
            f"{file} must list no other picture than those beside it, and {len(absent)} of {len(listed)} are not "
            f"there, such as {absent[0]}; add them, or remove their lines."
        )
