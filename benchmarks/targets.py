"""Devices to compile for, which may be absent: TPUs by libtpu, NVIDIA GPUs by JAX's CUDA plugin, this machine's CPU."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import jax
from jax.experimental import topologies


@dataclass(frozen=True, kw_only=True)
class Chip:
    """What is known of a device beside its compiler.

    Attributes:
        memory: bytes.
        flops: highest rate of its matrix units in bfloat16, operations a second.
        bandwidth: of its memory, bytes a second.
        link: of its links to other chips, bytes a second, all links of a chip together.
    """

    memory: int
    flops: float = 0.0
    bandwidth: float = 0.0
    link: float = 0.0


V5E = Chip(memory=16 * 10**9, flops=197e12, bandwidth=819e9, link=1600e9 / 8)
"""Of Google's page on the TPU v5e: 16 GB, 197 TFLOP/s, 819 GB/s, 1,600 Gbit/s between chips."""

_V6E = Chip(memory=32 * 10**9, flops=918e12, bandwidth=1640e9, link=3584e9 / 8)
_H200 = Chip(memory=141 * 10**9, flops=989e12, bandwidth=4.8e12, link=900e9)

_SLICES = ("2x2", "2x4", "4x4", "4x8", "8x8", "8x16", "16x16")

_H200_TARGET = """
gpu_device_info {
  threads_per_block_limit: 1024 threads_per_warp: 32 shared_memory_per_block: 49152 shared_memory_per_core: 233472
  threads_per_core_limit: 2048 core_count: 132 fpus_per_core: 128
  block_dim_limit_x: 2147483647 block_dim_limit_y: 65535 block_dim_limit_z: 65535
  memory_bandwidth: 4800000000000 l2_cache_size: 62914560 clock_rate_ghz: 1.98 device_memory_size: 150000000000
  shared_memory_per_block_optin: 232448 cuda_compute_capability { major: 9 minor: 0 }
  registers_per_core_limit: 65536 registers_per_block_limit: 65536
}
platform_name: "CUDA" dnn_version_info { major: 9 minor: 8 patch: 0 }
runtime_version { major: 12 minor: 9 patch: 0 } device_description_str: "NVIDIA H200"
"""
"""What XLA's compiler asks of the GPU."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """Devices of one kind.

    Attributes:
        platform: "tpu", "gpu" or "cpu".
        topology: their name.
        devices: all of them.
        chip: what is known of one.
        compiler_options: XLA's, beside those of the layout.
    """

    platform: str
    topology: str
    devices: tuple[jax.Device, ...]
    chip: Chip
    compiler_options: Mapping[str, Any] = field(default_factory=dict)


def _host_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


TOPOLOGIES: Mapping[str, Mapping[str, Chip]] = {
    "tpu": {f"v5e:{s}": V5E for s in _SLICES} | {f"v6e:{s}": _V6E for s in _SLICES},
    "gpu": {f"h200:{number}": _H200 for number in (1, 4, 8)},
    "cpu": {f"host:{number}": Chip(memory=_host_memory()) for number in (1, 4, 8)},
}
"""By platform; TPUs by the shape of the slice, others by the number of devices."""

DEFAULTS = {"tpu": "v5e:2x2", "gpu": "h200:4", "cpu": "host:4"}
"""Topology of each platform where none is named."""

_PLUGINS = {
    "tpu": ("libtpu", "jax[tpu]"),
    "gpu": ("jax_cuda12_plugin", "jax[cuda12-local] and nvidia-cuda-nvcc-cu12"),
}
"""Module and distributions that compile for a platform."""


def find(platform: str, topology: str | None = None) -> Target:
    """Devices to compile for. Call it before anything is computed: arrays of this process stay on its CPU.

    Args:
        platform: key of `TOPOLOGIES`.
        topology: name of one of the platform's; that of `DEFAULTS` if not given.

    Returns:
        The devices.

    Raises:
        ValueError: no such platform or topology, or what compiles for it is not installed.
    """
    if platform not in TOPOLOGIES:
        raise ValueError(f"platform must be one of {', '.join(TOPOLOGIES)}, got {platform!r}.")
    topology = topology or DEFAULTS[platform]
    known = TOPOLOGIES[platform]
    if topology not in known:
        raise ValueError(f"topology of {platform} must be one of {', '.join(known)}, got {topology!r}.")
    if platform in _PLUGINS:
        module, distributions = _PLUGINS[platform]
        if find_spec(module) is None:
            raise ValueError(
                f'compiling for {platform} needs {distributions}; install them with: pip install -e ".[aot]"'
            )
    jax.config.update("jax_platforms", "cpu")
    # Programs of absent devices can be written to the cache, but not read; and compilation is timed.
    jax.config.update("jax_enable_compilation_cache", False)
    return Target(
        platform=platform,
        topology=topology,
        devices=tuple(_FINDERS[platform](topology)),
        chip=known[topology],
        compiler_options={"xla_gpu_autotune_level": "0"} if platform == "gpu" else {},
    )


def _find_tpus(topology: str) -> list[jax.Device]:
    # Without these libtpu asks the network what machine this is.
    os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")
    os.environ.setdefault("TPU_ACCELERATOR_TYPE", "v5litepod-4")
    os.environ.setdefault("TPU_WORKER_HOSTNAMES", "localhost")
    # Or else it leaves a second process none, as if both wanted to run on the same chips.
    os.environ.setdefault("ALLOW_MULTIPLE_LIBTPU_LOAD", "1")
    return topologies.get_topology_desc(platform="tpu", topology_name=topology).devices


def _find_gpus(topology: str) -> list[jax.Device]:
    shape = f"1x1x{topology.split(':')[1]}"
    found = topologies.get_topology_desc(
        platform="cuda", topology_name=shape, topology=shape, target_config=_H200_TARGET
    )
    return found.devices


def _find_cpus(topology: str) -> list[jax.Device]:
    jax.config.update("jax_num_cpu_devices", int(topology.split(":")[1]))
    return jax.devices("cpu")


_FINDERS = {"tpu": _find_tpus, "gpu": _find_gpus, "cpu": _find_cpus}
