"""What config.json says of a run: its command, its resolved configuration, and what it ran on."""

import dataclasses
import platform
import shlex
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jax

from jaxvae.cli.config import RunConfig
from jaxvae.cli.free import free_flags

_PACKAGES = ("jaxvae", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "dm-pix", "numpy")


def command(*extra: str) -> str:
    """The command line of this process, ready to be pasted.

    Args:
        *extra: arguments to add at its end.

    Returns:
        A line for the shell, without --resume and --overwrite.
    """
    arguments = [a for a in sys.argv[1:] if a not in ("--resume", "--overwrite", *extra)]
    return shlex.join([*program(), *arguments, *extra])


def program() -> list[str]:
    """The command line of this process up to its first argument, word by word."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    isolated = (
        ["-P"] if sys.flags.safe_path else []
    )  # a folder `experiments` of the user's own is passed over
    return ["python", *isolated, *(["-m", spec.name.removesuffix(".__main__")] if spec else [sys.argv[0]])]


FORMAT = 2
"""Of config.json; what is written in another one can be loaded, but not resumed."""


def record(experiment: str, config: RunConfig, *, data: Any) -> dict[str, Any]:
    """What config.json holds of a run: enough to run it again and to know what ran.

    Args:
        experiment: its name.
        config: its resolved configuration.
        data: record of the training data, with its fingerprint.

    Returns:
        What JSON can hold.
    """
    return {
        "format": FORMAT,
        "experiment": experiment,
        "command": command(),
        "config": flat(config),
        "free": [*free_flags(config), "workdir"],
        "data": dataclasses.asdict(data),
        "environment": environment(),
    }


def record_training(
    model: Mapping[str, Any],
    replicas: Sequence[Any],
    *,
    weights: Mapping[str, Any],
    models: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """What config.json holds of a training besides.

    Args:
        model: description of the network.
        replicas: records of the runs that are trained side by side.
        weights: of the loss's terms, by name, or such a dictionary for each player; schedules are recorded as such.
        models: descriptions of the variants' networks that differ from `model`.

    Returns:
        What JSON can hold.
    """
    own = {"models": {name: dict(each) for name, each in models.items()}} if models else {}
    return {
        "model": dict(model),
        "replicas": [dataclasses.asdict(each) for each in replicas],
        "weights": _plain(weights),
    } | own


def _plain(weights: Any) -> Any:
    if isinstance(weights, Mapping):
        return {name: _plain(each) for name, each in weights.items()}
    return "schedule" if callable(weights) else float(weights)


def flat(config: Any) -> dict[str, Any]:
    """A configuration as plain values by the names of its flags.

    Args:
        config: a dataclass, whose fields may be dataclasses; no two fields share a name, as their flags cannot.

    Returns:
        What JSON can hold, paths as strings.
    """
    values: dict[str, Any] = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            values |= flat(value)
        else:
            values[field.name] = str(value) if isinstance(value, Path) else value
    return values


def environment() -> dict[str, Any]:
    """Versions and devices, for config.json and the report."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        **{name: _version(name) for name in _PACKAGES},
        "prng": jax.config.values["jax_default_prng_impl"],
        "processes": jax.process_count(),
        "devices": [f"{device.platform}: {device.device_kind}" for device in jax.devices()],
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
