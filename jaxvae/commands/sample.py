"""`python -m jaxvae sample`: a picture of samples of a trained run."""

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
"""Side in pixels to which smaller images are enlarged, by whole factors."""


@dataclass(frozen=True, kw_only=True)
class SampleConfig(DrawConfig):
    """Flags of `sample`."""

    run: tyro.conf.Positional[Path] = tyro.MISSING
    """The run's directory."""

    images: int = 64
    """Number of images."""

    draw: int = 0
    """Seed of the samples; another number gives other images."""

    out: Path | None = None
    """The PNG file to write; figures/drawn_SAMPLER.png in the run's directory if not given."""

    overwrite: bool = False
    """Replace an existing file."""

    def __post_init__(self) -> None:
        """Checks numbers and the file.

        Raises:
            ValueError: as `DrawConfig`, or a number is out of range, or the file cannot be written there.
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
        ValueError: there is no such run, its model cannot be sampled in this way, or the file exists.
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
