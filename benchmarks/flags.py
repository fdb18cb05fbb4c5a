"""The command line of `benchmarks.throughput`."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal

from benchmarks.contestants import PRECISIONS, Contestant
from benchmarks.workloads import WORKLOADS


@dataclass(frozen=True, kw_only=True)
class Config:
    """Flags."""

    out: Path = Path("throughput.json")
    """JSON file with all numbers; written after every combination."""

    figure: Path | None = None
    """PNG file with bars of all rows."""

    model: tuple[Literal["ladder", "conv", "horses", "aae", "vaegan", "vaegan_penalty"], ...] = ("ladder",)
    """The ladder of experiments.vlae_mnist, a plain convolutional VAE on MNIST, one on 96x96x3, or a game of several
    players: the adversarial autoencoder on MNIST, the VAE-GAN on 64x64x3 with BatchNorm in its discriminator, and with
    a gradient penalty in its place, as experiments.vae_gan_hybrids trains it."""

    batch_size: tuple[int, ...] = ()
    """Examples in a step; by default 128, 100 for aae, 64 for horses, 32 for vaegan and 16 for vaegan_penalty."""

    precision: tuple[Literal["float32", "tensorfloat32", "bfloat16"], ...] = ("float32",)
    """Of matrix products: tensorfloat32 is for GPUs."""

    device: Literal["cpu", "gpu", "tpu"] = "cpu"
    """Where to train; on TPU without PyTorch."""

    seeds: tuple[int, ...] = (1,)
    """Replicas that ours trains side by side; PyTorch trains as many one after the other."""

    starts: int = 5
    """Fresh starts of each finalist's process; the interval of the ratio is over these."""

    rounds: int = 3
    """Rounds of the final after each start, one turn for each finalist."""

    seconds: float = 1.5
    """Approximate length of a turn."""

    threads: int = 2
    """CPU threads of each contestant."""

    overwrite: bool = False
    """Replace the files that --out and --figure name."""

    def check(self) -> None:
        """Refuses flags that cannot be measured.

        Raises:
            ValueError: a number below 1, nothing to measure, or a precision that the device does not have.
        """
        numbers = (*self.batch_size, *self.seeds, self.rounds, self.threads)
        if min(numbers) < 1:
            raise ValueError(f"batch sizes, seeds, rounds and threads must be >= 1, got {min(numbers)}.")
        if self.starts < 2 or not 0 < self.seconds < math.inf:
            raise ValueError(
                f"starts must be >= 2 and seconds positive, got {self.starts} and {self.seconds}."
            )
        if not (self.model and self.precision and self.seeds):
            raise ValueError("model, precision and seeds need at least one value each.")
        for precision in self.precision:
            if precision not in PRECISIONS[self.device]:
                known = ", ".join(PRECISIONS[self.device])
                raise ValueError(f"precision on {self.device} must be one of {known}, got {precision!r}.")


def settings(config: Config) -> Iterator[Contestant]:
    """All combinations of model, batch size and precision, without the fields in which settings of a side differ.

    Args:
        config: the flags.

    Yields:
        The fields that the contestants of one contest have in common.
    """
    for model, precision in product(config.model, config.precision):
        for batch_size in config.batch_size or (WORKLOADS[model].batch_size,):
            yield Contestant(
                side="ours",
                model=model,
                batch_size=batch_size,
                precision=precision,
                device=config.device,
                threads=config.threads,
            )
