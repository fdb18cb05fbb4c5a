"""The flags that every experiment has."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jaxvae.cli.checks import Checked
from jaxvae.cli.free import free


@dataclass(frozen=True, kw_only=True)
class RunConfig(Checked):
    """Flags that every experiment has."""

    workdir: Path
    """Directory for everything that the run leaves."""

    preset: str = free("full")
    """Defaults to start from: "full" reproduces the report, "smoke" shows in under a minute that all works."""

    data: str = "mnist"
    """Data set: mnist, fashion_mnist, cifar10, stl10, celeb_a, drawn, drawn_faces, or folder:PATH for a folder of your
    own pictures."""

    data_source: Literal["bundled", "tfds"] | None = None
    """Where the data comes from; by default the files in the package where they are, else TFDS."""

    data_dir: Path | None = free(None)
    """Directory of TFDS's data and of downloaded archives; ~/tensorflow_datasets if not given."""

    image_size: int | None = None
    """Side in pixels of the squares that the pictures of stl10, celeb_a, drawn, drawn_faces and folders are made; by
    default 96, 64, 32, 64 and 96."""

    classes: tuple[str, ...] = ()
    """Train on and measure these classes only; all images if none is named."""

    limit: int | None = None
    """Train on the first N examples only, and measure at most the first N of the others."""

    measure_on: Literal["test", "validation"] = "test"
    """The test split, for results; or "validation", to choose settings: training images that are taken out of training,
    and no test images are read. They are the last 10,000 of mnist and fashion_mnist, the last 5,000 of cifar10,
    CelebA's own, and else the last tenth."""

    epochs: int = 10
    """Passes over the training data."""

    batch_size: int = 64
    """Examples in a batch, over all devices."""

    remainder: Literal["drop", "pad"] = "drop"
    """Examples that do not fill a last batch are left out of the epoch, or shown in one padded with weight 0."""

    accumulate: int = 1
    """Compute each batch in so many equal parts, one after the other, and average their gradients: the numbers of the
    whole batch in the memory of a part. Not so for BatchNorm, whose statistics are those of each part, for MMD and
    HSIC, which compare the examples of a part only, and for players that wait for each other."""

    remat: bool = free(False)
    """Compute activations of encoders, decoders and loss terms again in the backward pass rather than keep them: less
    memory, a third more operations, the same numbers up to rounding. For a TPU v5e, a replica of winged_horses with
    4,096 images of 96x96 compiles to 5.9 GB beside its data set rather than 9.0; its three replicas need
    --accumulate 4, with which they take 9.3 GB, and with both flags 7.6."""

    seed: int = 0
    """The first seed; it decides initial parameters, order of the data and noise."""

    seeds: int = 1
    """How many seeds to train side by side."""

    parallel: Literal["jit", "pmap"] = free("jit")
    """How a batch is spread over devices: by the compiler over a mesh (jit), or by a program that each of them runs,
    with explicit collectives (pmap)."""

    devices: int = free(1)
    """How many devices of each process."""

    coordinator: str | None = free(None)
    """Where the first of several processes listens, HOST:PORT, the same for all of them; start each on its machine with
    the same flags. Not needed on TPU pods, with SLURM or Open MPI, where processes find each other."""

    processes: int | None = free(None)
    """How many processes train the run together."""

    process: int | None = free(None)
    """Which of them this is, from 0; the first one writes the run."""

    replica_parallel: bool = free(False)
    """Spread not each batch but the seeds and variants of a program over the devices, as many on each, without
    communication; a model that others are measured by trains on one device."""

    layout: Literal["native", "chwn"] | None = free(None)
    """Memory layout of the convolutions; by default chwn on CPU and native elsewhere."""

    precision: Literal["float32", "bfloat16"] = "float32"
    """What the inputs of matrix products and convolutions are rounded to; sums, losses, parameters stay float32. Where
    bfloat16 is slower, a warning says so."""

    matmul_precision: Literal["default", "high", "highest"] = "default"
    """How exactly float32 inputs are multiplied. TPU: in one pass of bfloat16, three passes, or six (as good as
    float32). Recent NVIDIA GPUs: in TensorFloat32 by default and with high, in float32 with highest. CPU: always
    float32."""

    on_nan: Literal["stop", "drop"] = free("drop")
    """When a number of one seed or variant becomes infinite or NaN: stop all that are trained beside it, or drop it and
    go on with them; its row says so."""

    skip_nonfinite: int = 0
    """Leave out a step whose gradient is infinite or NaN, up to so many steps in a row; its row says how many."""

    rollback: bool = False
    """When a number becomes infinite or NaN, start again from the last good checkpoint with half the learning rate, at
    most three times; its row says so."""

    estimate: bool = free(False)
    """Say what training will take: parameters, operations, memory and time of a step, from the compiled program and a
    few of its steps. Then end, and leave nothing."""

    compile_cache: bool = free(True)
    """Keep compiled programs in the user's cache directory, so that the next start is faster."""

    resume: bool = free(False)
    """Continue the run in workdir from its last checkpoint."""

    overwrite: bool = free(False)
    """Delete the run in workdir and start anew."""

    def __post_init__(self) -> None:
        """Refuses numbers that make no run.

        Raises:
            ValueError: a count below 1, a seed out of range, both resume and overwrite, or a part of what several
                processes need.
        """
        self.require_at_least(1, "epochs", "batch_size", "seeds", "devices", "limit", "accumulate")
        self.require_at_least(0, "skip_nonfinite")
        if not 0 <= self.seed <= 2**31 - self.seeds:
            raise ValueError(f"seed must be between 0 and {2**31 - self.seeds}, got {self.seed}.")
        if self.batch_size % self.accumulate:
            raise ValueError(
                f"accumulate must divide batch_size, got {self.accumulate} parts of {self.batch_size} examples."
            )
        if self.replica_parallel and self.parallel != "jit":
            raise ValueError(
                "replica_parallel leaves batches whole and parallel spreads them; give one of them."
            )
        if self.resume and self.overwrite:
            raise ValueError("resume continues a run and overwrite deletes it; give one of them.")
        self._check_processes()

    def _check_processes(self) -> None:
        if self.coordinator is None and self.processes is None and self.process is None:
            return
        if self.coordinator is None or self.processes is None or self.process is None:
            names = ("coordinator", "processes", "process")
            missing = next(name for name in names if getattr(self, name) is None)
            raise ValueError(
                f"several processes need --coordinator, --processes and --process, got no --{missing}."
            )
        address = re.fullmatch(r"(?:[^\s:/\[\]]+|\[[0-9a-fA-F:.]+\]):([0-9]{1,5})", self.coordinator)
        if not address or not 0 < int(address[1]) < 2**16:
            raise ValueError(f"coordinator must be HOST:PORT, such as 10.0.0.1:1234, got {self.coordinator}.")
        self.require_at_least(1, "processes")
        if not 0 <= self.process < self.processes:
            raise ValueError(
                f"process must be from 0 to {self.processes - 1}, as there are {self.processes}, got {self.process}."
            )
