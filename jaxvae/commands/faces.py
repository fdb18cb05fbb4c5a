"""`python -m jaxvae draw`: drawn faces as files."""

import io
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro
from PIL import Image

from jaxvae.data.faces import ATTRIBUTES, check_size, draw_face
from jaxvae.files import write_atomically
from jaxvae.screen import Bar


@dataclass(frozen=True, kw_only=True)
class FacesConfig:
    """Flags of `draw`."""

    what: tyro.conf.Positional[Literal["faces"]] = tyro.MISSING
    """What to draw."""

    out: Path = tyro.MISSING
    """The folder to make, with a PNG file for each face and their attributes in list_attr.txt, as CelebA has them."""

    count: int = 1000
    """Number of faces."""

    size: int = 64
    """Side of the pictures in pixels, from 32 to 256."""

    seed: int = 2
    """Another number gives other faces; 0 gives those that --data drawn_faces trains on, and 1 its test set."""

    def __post_init__(self) -> None:
        """Checks numbers.

        Raises:
            ValueError: a number is out of range.
        """
        if self.count < 1:
            raise ValueError(f"count must be at least 1, got {self.count}.")
        if not 0 <= self.seed < 2**31:
            raise ValueError(f"seed must be between 0 and {2**31 - 1}, got {self.seed}.")


def faces(config: FacesConfig) -> None:
    """Draws faces into a folder, with a list of their attributes in CelebA's format, and prints its path.

    Args:
        config: the flags.

    Raises:
        ValueError: the folder exists and is not empty, or the size is out of range.
    """
    out = config.out
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} exists and is not an empty folder; name another one with --out.")
    check_size(config.size)
    # Files of a folder that exists appear in it: it may be the working directory, or a drive.
    partial = (out if out.exists() else out.absolute().parent) / f".{out.name}.{os.getpid()}.partial"
    try:
        _write(partial, config)
        if out.exists():
            for file in sorted(partial.iterdir()):
                file.replace(out / file.name)
        else:
            partial.replace(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    print(out)


def _write(folder: Path, config: FacesConfig) -> None:
    digits = max(6, len(str(config.count)))
    lines = [str(config.count), " ".join(ATTRIBUTES)]
    with Bar(total=config.count, desc="drawing", unit=" faces", disable=None, leave=False) as progress:
        for number in range(config.count):
            face = draw_face(number, seed=config.seed, image_size=config.size)
            name, file = f"{number + 1:0{digits}}.png", io.BytesIO()
            Image.fromarray(face.image).save(file, format="png")
            write_atomically(folder / name, file.getvalue())
            lines.append(" ".join([name, *("1" if has else "-1" for has in face.attributes)]))
            progress.update()
    write_atomically(folder / "list_attr.txt", "\n".join([*lines, ""]).encode())
