"""The contestants of a benchmark: the settings of both sides for each kind of device, as plain records."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

PAGE_KEEPING = {
    "MALLOC_TRIM_THRESHOLD_": "-1",
    "MALLOC_MMAP_THRESHOLD_": "1073741824",
    "MALLOC_TOP_PAD_": "268435456",
}
"""Environment variables with which the C library's allocator returns no memory to the system."""

PLATFORMS = {"cpu": "cpu", "gpu": "cuda", "tpu": "tpu"}
"""JAX's names of the devices."""

MODES = {"cpu": ("default",), "gpu": ("default", "reduce-overhead"), "tpu": ()}
"""`torch.compile`'s modes by device; "reduce-overhead" is CUDA graphs."""

QUEUED = {"cpu": 1, "gpu": 10, "tpu": 10}
"""Matrix products between two waits for the device when its highest rate is measured."""

LOADER_WORKERS = (0, 2)
"""Numbers of DataLoader processes that are tried."""

PRECISIONS = {
    "cpu": ("float32", "bfloat16"),
    "gpu": ("float32", "tensorfloat32", "bfloat16"),
    "tpu": ("float32", "bfloat16"),
}
"""Precisions of matrix products, by device."""


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """One process of a benchmark.

    Attributes:
        side: "ours" or "torch".
        model: name of the workload.
        batch_size: examples in a step.
        precision: of matrix products.
        device: "cpu", "gpu" or "tpu".
        threads: CPU threads.
        replicas: number of replicas trained side by side; PyTorch trains one.
        keep_pages: whether the C library's allocator keeps its pages.
        channels_last: PyTorch's memory format.
        compile: mode of `torch.compile`, or None for eager.
        loader_workers: processes of a DataLoader, or None for a tensor on the device.
    """

    side: str
    model: str
    batch_size: int
    precision: str
    device: str
    threads: int
    replicas: int = 1
    keep_pages: bool = False
    channels_last: bool = False
    compile: str | None = None
    loader_workers: int | None = None

    @property
    def name(self) -> str:
        """The setting, as tables show it."""
        if self.side == "ours":
            parts = [f"{self.replicas} replicas"] if self.replicas > 1 else ["jaxvae"]
        else:
            mode = {None: "eager", "default": "compile"}.get(self.compile, f"compile {self.compile}")
            parts = [mode] + ["channels_last"] * self.channels_last
            if self.loader_workers is not None:
                parts.append(f"DataLoader {self.loader_workers}")
        return ", ".join(parts + ["kept pages"] * self.keep_pages)

    @property
    def allocator(self) -> str:
        """How the C library's allocator is set, as tables show it."""
        return "kept pages" if self.keep_pages else "system"

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables of its process."""
        variables = {
            "OMP_NUM_THREADS": str(self.threads),
            "JAX_PLATFORMS": PLATFORMS[self.device],
            "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # the processes share the device's memory
        }
        return variables | (PAGE_KEEPING if self.keep_pages else {})

    def record(self) -> dict[str, Any]:
        """All fields as JSON values."""
        return asdict(self)


def ours(base: Contestant, replicas: Sequence[int]) -> list[Contestant]:
    """Our side's variants.

    Args:
        base: the fields that all have in common.
        replicas: numbers of replicas to time.

    Returns:
        On CPU each twice: with the system's allocator as it is, then with one that keeps its pages.
    """
    return [
        replace(base, side="ours", replicas=number, keep_pages=keep)
        for keep in _allocators(base.device)
        for number in replicas
    ]


def opponents(base: Contestant) -> list[Contestant]:
    """PyTorch's variants with the data set as a tensor on the device.

    Args:
        base: the fields that all have in common.

    Returns:
        Eager and compiled, both memory formats, both allocators on CPU; none for TPU.
    """
    modes: tuple[str | None, ...] = (None, *MODES[base.device]) if MODES[base.device] else ()
    return [
        replace(base, side="torch", replicas=1, keep_pages=keep, compile=mode, channels_last=last)
        for keep in _allocators(base.device)
        for mode in modes
        for last in (False, True)
    ]


def with_loaders(best: Contestant) -> list[Contestant]:
    """PyTorch's best variant fed by a DataLoader.

    Args:
        best: the variant.

    Returns:
        One for each number of worker processes.
    """
    return [replace(best, loader_workers=number) for number in LOADER_WORKERS]


def _allocators(device: str) -> tuple[bool, ...]:
    return (False, True) if device == "cpu" else (False,)
