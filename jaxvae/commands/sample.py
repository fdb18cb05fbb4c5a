"""`python -m jaxvae sample`: a picture of what a trained run draws."""

import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from PIL import Image

from jaxvae import report
from jaxvae.commands.draw import DrawConfig, draw
from jaxvae.files import write_atomically

_SIDE = 64
"""Screen pixels that an image is enlarged to where it is smaller, by whole factors."""


@dataclass(frozen=True, kw_only=True)
class SampleConfig(DrawConfig):
    """Flags of `sample`."""

    run: tyro.conf.Positional[Path] = tyro.MISSING
    """The run's directory."""

    images: int = 64
    """How many images."""

    draw: int = 0
    """Which images; another number gives others."""

    out: Path | None = None
    """The PNG file to write; figures/drawn_SAMPLER.png in the run's directory if not given."""

    overwrite: bool = False
    """Replace the file."""

    def __post_init__(self) -> None:
        """Refuses numbers and names that cannot be.

        Raises:
            ValueError: as `DrawConfig`, no image, a number of a draw out of range, or a file that has no place.
        """
        super().__post_init__()
        if self.images < 1:
            raise ValueError(f"images must be at least 1, got {self.images}.")
        if not 0 <= self.draw < 2**31:
            raise ValueError(f"draw must be between 0 and {2**31 - 1}, got {self.draw}.")
        if self.out is not None and (
            self.out.suffix != ".png" or self.out.is_dir() or not self.out.absolute().parent.is_dir()
        ):
            raise ValueError(f"out must be a file ending in .png in a folder that exists, got {self.out}.")


def sample(config: SampleConfig) -> None:
    """Draws images from a trained run, writes them side by side as a PNG file, and prints its path.

    Args:
        config: the flags.

    Raises:
        ValueError: no such run, one that draws no such samples, or a file that is there already.
    """
    out = config.out or config.run / "figures" / f"drawn_{config.sampler}.png"
    if out.exists() and not config.overwrite:
        raise ValueError(f"{out} exists; name another file with --out or give --overwrite.")
    images = np.asarray(draw(config.run, config, config.images, seed=config.draw))
    scale = max(1, _SIDE // images.shape[1])
    grid = report.image_grid(images, columns=math.isqrt(config.images - 1) + 1, scale=scale)
    file = io.BytesIO()
    Image.fromarray(grid).save(file, format="png")
    print(write_atomically(out, file.getvalue()))
