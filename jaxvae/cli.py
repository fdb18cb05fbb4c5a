"""From a frozen dataclass to a command line, and from errors to one line on the screen."""

import argparse
import dataclasses
import io
import itertools
import platform
import re
import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Literal, NoReturn, TypeVar

import jax
import tyro

from jaxvae.types import RunStopped

_PACKAGES = ("jaxvae", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "dm-pix", "numpy")


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Flags that every experiment has."""

    workdir: Path
    """Directory for everything that the run leaves."""

    preset: Literal["full", "smoke"] = "full"
    """Defaults to start from: "full" reproduces the report, "smoke" shows in under a minute that all works."""

    data: str = "mnist"
    """Data set: mnist, fashion_mnist or cifar10."""

    data_source: Literal["bundled", "tfds"] | None = None
    """Where the data comes from; by default the files in the package where they are, else TFDS."""

    data_dir: Path | None = None
    """Directory of prepared TFDS data."""

    limit: int | None = None
    """Train and validate on the first N examples only."""

    epochs: int = 10
    """Passes over the training data."""

    batch_size: int = 64
    """Examples in a batch, over all devices."""

    remainder: Literal["drop", "pad"] = "drop"
    """Examples that do not fill a last batch are left out of the epoch, or shown in one padded with weight 0."""

    seed: int = 0
    """The first seed; it decides initial parameters, order of the data and noise."""

    seeds: int = 1
    """How many seeds to train side by side."""

    parallel: Literal["jit", "pmap"] = "jit"
    """How a batch is spread over devices: by the compiler over a mesh, or by pmap with explicit collectives."""

    devices: int = 1
    """How many devices."""

    layout: Literal["native", "chwn"] | None = None
    """Memory layout of the convolutions; by default chwn on CPU and native elsewhere."""

    resume: bool = False
    """Continue the run in workdir from its last checkpoint."""

    overwrite: bool = False
    """Delete the run in workdir and start anew."""

    def __post_init__(self) -> None:
        """Refuses numbers that make no run.

        Raises:
            ValueError: a count below 1, a seed out of range, or both resume and overwrite.
        """
        for name in ("epochs", "batch_size", "seeds", "devices", "limit"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}.")
        if not 0 <= self.seed <= 2**31 - self.seeds:
            raise ValueError(f"seed must be between 0 and {2**31 - self.seeds}, got {self.seed}.")
        if self.resume and self.overwrite:
            raise ValueError("resume continues a run and overwrite deletes it; give one of them.")


Config = TypeVar("Config", bound=RunConfig)

_TYRO = (tyro.conf.OmitArgPrefixes,)


def launch(
    main: Callable[[Config], None], presets: Mapping[str, Callable[[], Config]], *, description: str
) -> NoReturn:
    """Runs an experiment from the command line and exits.

    Bad input and failures that a user can mend are one line on stderr: exit status 2 for what was asked for,
    1 for what went wrong on the way, 128 + n after signal n. Anything else is a bug and keeps its traceback.

    Args:
        main: the experiment.
        presets: makers of default configurations by name, "full" among them.
        description: what `--help` shows first.
    """
    config = None
    try:
        with _process():
            config = _parse(presets, description)
            main(config)
    except RunStopped as error:
        _stop(error)
    except KeyboardInterrupt as interrupt:
        number = interrupt.args[0] if interrupt.args else signal.SIGINT
        begun = config is not None and (config.workdir / "config.json").exists()
        name = signal.Signals(number).name
        _stop(RunStopped(f"stopped by {name}.", status=128 + number, resumable=begun))
    except OSError as error:
        _fail(f"{error.strerror or error}: {error.filename or 'output'}. Checkpoints so far are kept.", 1)
    except ValueError as error:
        if not _ours(error.__traceback__):
            raise
        _fail(str(error), 2)
    sys.exit(0)


@contextmanager
def _process() -> Iterator[None]:
    """Settings of a process that runs an experiment.

    SIGTERM ends it the way that Ctrl-C does, with the signal's number in the exception. JAX leaves its own frames
    in tracebacks, for `_ours` to look at.
    """

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt(number)

    handler = signal.signal(signal.SIGTERM, interrupt)
    filtering = jax.config.values["jax_traceback_filtering"]
    jax.config.update("jax_traceback_filtering", "off")
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, handler)
        jax.config.update("jax_traceback_filtering", filtering)


def _parse(presets: Mapping[str, Callable[[], Config]], description: str) -> Config:
    """The configuration that the command line asks for."""
    pick = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    pick.add_argument("--preset", nargs="?", default="full")
    preset = pick.parse_known_args()[0].preset
    if preset not in presets:
        wrong = "--preset needs a name" if preset is None else f"Unknown preset {preset!r}"
        raise ValueError(f"{wrong}; known are {', '.join(presets)}.")
    default, said = presets[preset](), io.StringIO()
    try:
        with redirect_stderr(said):
            return tyro.cli(type(default), default=default, description=description, config=_TYRO)
    except SystemExit as stop:
        if not stop.code:
            raise
        raise ValueError(_sentence(said.getvalue())) from None


def _sentence(box: str) -> str:
    """The message from what tyro prints: a title, the message, explanations, between rules and perhaps in a box."""
    lines = [line.strip("│ ") for line in re.sub(r"\x1b\[[\d;]*m", "", box).splitlines()[1:]]
    groups = itertools.groupby(lines, key=lambda line: bool(line.strip("─╰╯-")))
    message = next((" ".join(part) for is_text, part in groups if is_text), "bad arguments")
    message = re.sub(r"^Error parsing \w+: ", "", message)
    return message if message.endswith(".") else f"{message}; --help lists all flags and their values."


def _ours(trace: TracebackType | None) -> bool:
    """Whether an error was raised by this library's own sentence rather than from inside a dependency."""
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    name = trace.tb_frame.f_globals.get("__name__", "") if trace else ""
    return name.split(".")[0] in ("jaxvae", "experiments", "__main__")


def _stop(error: RunStopped) -> NoReturn:
    hint = f" Continue with: {_command('--resume')}" if error.resumable else ""
    _fail(f"{error}{hint}", error.status)


def _fail(message: str, status: int) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(status)


def command() -> str:
    """The command line of this process, ready to be pasted."""
    return _command()


def _command(*extra: str) -> str:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    program = ["-m", spec.name] if spec else [sys.argv[0]]
    arguments = [a for a in sys.argv[1:] if a not in ("--resume", "--overwrite", *extra)]
    return shlex.join(["python", *program, *arguments, *extra])


def record(
    experiment: str, config: RunConfig, *, model: Mapping[str, Any], replicas: Sequence[Any], data: Any
) -> dict[str, Any]:
    """What config.json holds: enough to run an experiment again and to know what ran.

    Args:
        experiment: its name.
        config: its resolved configuration.
        model: description of the network.
        replicas: records of the runs that are trained side by side.
        data: record of the training data, with its fingerprint.

    Returns:
        What JSON can hold.
    """
    return {
        "experiment": experiment,
        "command": command(),
        "config": flat(config),
        "model": dict(model),
        "replicas": [dataclasses.asdict(replica) for replica in replicas],
        "data": dataclasses.asdict(data),
        "environment": environment(),
    }


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
        **{name: version(name) for name in _PACKAGES},
        "devices": [f"{device.platform}: {device.device_kind}" for device in jax.devices()],
    }
