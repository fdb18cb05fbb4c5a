"""`python -m jaxvae fid`: the distance between two sets of pictures."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tyro

from jaxvae import data, evaluate
from jaxvae.commands.draw import DrawConfig, draw

SAMPLES = 10_000
"""How many images a run is asked for, if no other number is given."""


@dataclass(frozen=True, kw_only=True)
class FidConfig(DrawConfig):
    """Flags of `fid`."""

    a: tyro.conf.Positional[Path] = tyro.MISSING
    """Pictures to judge: a folder of them, a run's directory (new samples of it), or statistics (.npz)."""

    b: tyro.conf.Positional[Path] = tyro.MISSING
    """Pictures to compare with, likewise; the real ones where there are such."""

    resize: Literal["bilinear", "clean"] = "bilinear"
    """How pictures come to 299 x 299: bilinear as pytorch-fid, or clean, antialiased bicubic as clean-fid."""

    max_images: int | None = None
    """Take the first N pictures of a folder, or N samples of a run (10,000 if not given)."""

    save_stats: Path | None = None
    """Write the statistics of B to this .npz file, to be given in its place the next time."""

    overwrite: bool = False
    """Replace the file that --save-stats names."""

    inception: Path | None = None
    """File of Inception weights; by default as `jaxvae.evaluate.load_inception` finds them."""

    precision: Literal["float32", "bfloat16"] = "float32"
    """What the network's operands are rounded to."""

    batch_size: int | None = None
    """Pictures at a time; 4 on CPU and 256 elsewhere if not given."""

    def __post_init__(self) -> None:
        """Refuses numbers and names that cannot be.

        Raises:
            ValueError: as `DrawConfig`, a count out of range, or statistics that have no place.
        """
        super().__post_init__()
        if self.max_images is not None and self.max_images < 2:
            raise ValueError(f"max_images must be at least 2, got {self.max_images}.")
        if self.batch_size is not None and self.batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {self.batch_size}.")
        if self.save_stats is not None and (
            self.save_stats.suffix != ".npz"
            or self.save_stats.is_dir()
            or not self.save_stats.absolute().parent.is_dir()
        ):
            raise ValueError(
                f"save_stats must be a file ending in .npz in a folder that exists, got {self.save_stats}."
            )
        if self.save_stats is not None and self.save_stats.exists() and not self.overwrite:
            raise ValueError(f"{self.save_stats} exists; name another file or give --overwrite.")


def fid(config: FidConfig) -> None:
    """Compares two sets of pictures and prints the result.

    Args:
        config: the flags.

    Raises:
        ValueError: a set that cannot be read, or sets that cannot be compared.
    """
    if config.sampler != "prior" and not any(map(_is_run, (config.a, config.b))):
        raise ValueError(
            f"a sampler is of a run, and neither {config.a} nor {config.b} is a run's directory."
        )
    a, b = (_read(path, config) for path in (config.a, config.b))
    settings: dict[str, Any] = {"resize": config.resize, "precision": config.precision}
    known = [isinstance(given, evaluate.ImageStatistics) for given in (a, b)]
    settings["inception"] = None if all(known) else evaluate.load_inception(config.inception)
    evaluate.check_comparable(a, b, **settings)
    settings["batch_size"] = config.batch_size
    if not known[1]:
        b = evaluate.image_statistics(b, **settings)
    if config.save_stats:
        evaluate.save_statistics(config.save_stats, b)
    print(_text(evaluate.fid(a, b, **settings)))


def _read(path: Path, config: FidConfig) -> Any:
    """Images, or statistics of them."""
    if path.suffix == ".npz":
        return evaluate.load_statistics(path)
    if not _is_run(path):
        return data.read_pictures(path, limit=config.max_images)
    return draw(path, config, config.max_images or SAMPLES)


def _is_run(path: Path) -> bool:
    return (path / "config.json").exists()


def _text(result: evaluate.FidResult) -> str:
    lines = {"FID": f"{result.fid:.3f}"}
    if result.kid is not None:
        lines["KID"] = f"{result.kid:.6f} ± {result.kid_error:.6f}"
    if result.density is not None:
        lines |= {"density": f"{result.density:.3f}", "coverage": f"{result.coverage:.3f}"}
    lines["n"] = " and ".join("unknown" if n is None else f"{n:,}" for n in result.n)
    lines |= {"weights": result.weights, "resize": result.resize, "precision": result.precision}
    return "\n".join(f"{name:<9} {value}" for name, value in lines.items())
