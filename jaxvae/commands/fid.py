"""`python -m jaxvae fid`: the Fréchet Inception distance between two sets of pictures."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tyro

from jaxvae import data, evaluate
from jaxvae.commands.draw import DrawConfig, draw

SAMPLES = 10_000
"""Number of images drawn from a run by default."""


@dataclass(frozen=True, kw_only=True)
class FidConfig(DrawConfig):
    """Flags of `fid`."""

    a: tyro.conf.Positional[Path] = tyro.MISSING
    """Pictures to evaluate: a folder, a run's directory (new samples are drawn from it), or statistics (.npz)."""

    b: tyro.conf.Positional[Path] = tyro.MISSING
    """Pictures to compare with, in the same forms; usually the real ones."""

    resize: Literal["bilinear", "clean"] = "bilinear"
    """Resizing to 299 x 299: bilinear as in pytorch-fid, or clean, antialiased bicubic as in clean-fid."""

    max_images: int | None = None
    """Use the first N pictures of a folder, or N samples of a run (10,000 if not given)."""

    save_stats: Path | None = None
    """Write the statistics of B to this .npz file, which can be used in place of B the next time."""

    overwrite: bool = False
    """Replace the file that --save-stats names."""

    inception: Path | None = None
    """File of Inception weights; where `jaxvae.evaluate.load_inception` finds them if not given."""

    precision: Literal["float32", "bfloat16"] = "float32"
    """Precision of the network's operands."""

    batch_size: int | None = None
    """Pictures per batch; 4 on CPU and 256 elsewhere if not given."""

    def __post_init__(self) -> None:
        """Checks counts and the file of statistics.

        Raises:
            ValueError: as `DrawConfig`, or a count is out of range, or the file cannot be written there.
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
        ValueError: a set cannot be read, or the sets cannot be compared.
    """
    if config.sampler != "prior" and not any(map(_is_run, (config.a, config.b))):
        raise ValueError(
            f"a sampler needs a run, but neither {config.a} nor {config.b} is a run's directory."
        )
    a, b = (_read(path, config) for path in (config.a, config.b))
    settings: dict[str, Any] = {"resize": config.resize, "precision": config.precision}
    has_statistics = [isinstance(images, evaluate.ImageStatistics) for images in (a, b)]
    settings["inception"] = None if all(has_statistics) else evaluate.load_inception(config.inception)
    evaluate.check_comparable(a, b, **settings)
    settings["batch_size"] = config.batch_size
    if not has_statistics[1]:
        b = evaluate.image_statistics(b, **settings)
    if config.save_stats:
        evaluate.save_statistics(config.save_stats, b)
    print(_text(evaluate.fid(a, b, **settings)))


def _read(path: Path, config: FidConfig) -> Any:
    """Images, or their statistics."""
    if path.suffix == ".npz":
        return evaluate.load_statistics(path)
    if not _is_run(path):
        return data.read_pictures(path, limit=config.max_images)
    return draw(path, config, config.max_images or SAMPLES)


def _is_run(path: Path) -> bool:
    return (path / "config.json").exists()


def _text(result: evaluate.FidResult) -> str:
    lines = {"FID": f"{result.fid:z.3f}"}
    if result.kid is not None:
        lines["KID"] = f"{result.kid:z.6f} ± {result.kid_error:.6f}"
    if result.density is not None:
        lines |= {"density": f"{result.density:.3f}", "coverage": f"{result.coverage:.3f}"}
    lines["n"] = " and ".join("unknown" if n is None else f"{n:,}" for n in result.n)
    lines |= {"weights": result.weights, "resize": result.resize, "precision": result.precision}
    return "\n".join(f"{name:<9} {value}" for name, value in lines.items())
