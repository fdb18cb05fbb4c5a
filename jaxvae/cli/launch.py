"""An experiment run from the command line."""

import argparse
import io
import itertools
import os
import re
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr
from functools import partial
from typing import Any, NoReturn, TypeVar

import jax
import tyro

from jaxvae.cli.config import RunConfig
from jaxvae.cli.distributed import joined
from jaxvae.cli.outcome import finish
from jaxvae.cli.process import compile_cache, find_devices, rare_collections
from jaxvae.cli.rates import product_rates, warn_if_slower
from jaxvae.cli.record import program

Config = TypeVar("Config", bound=RunConfig)
Flags = TypeVar("Flags")

_TYRO = (tyro.conf.OmitArgPrefixes,)


def launch(
    main: Callable[[Config], None],
    presets: Mapping[str, Callable[[], Config]],
    *,
    description: str | None,
    arguments: Sequence[str] | None = None,
) -> NoReturn:
    """Runs an experiment from the command line and exits.

    Bad input and failures that a user can mend are one line on stderr: exit status 2 for what was asked for,
    1 for what went wrong on the way, 128 + n after signal n. Anything else is a bug and keeps its traceback. A run that
    ended early and well says so on stdout.

    Args:
        main: the experiment.
        presets: makers of default configurations by name, "full" among them.
        description: what `--help` shows first; a script's docstring, which is None under `python -OO`.
        arguments: what to parse; those of the process if not given.
    """
    parsed: list[Config] = []

    def work() -> None:
        config = _parse(presets, description, arguments)
        parsed.append(config)
        with (
            joined(config),
            rare_collections(),
            compile_cache(config.compile_cache),
            jax.default_matmul_precision(config.matmul_precision),
        ):
            find_devices()
            if config.precision == "bfloat16":
                warn_if_slower(product_rates())
            main(config)

    finish(work, workdir=lambda: parsed[0].workdir.expanduser() if parsed else None)


def presets(config: type[Config], **named: Mapping[str, Any]) -> dict[str, Callable[[], Config]]:
    """Makers of an experiment's default configurations.

    Args:
        config: the dataclass of its flags, whose defaults are the preset "full".
        **named: the flags in which each further preset differs. Its runs go to a directory of their own, the full one's
            with the preset's name behind an underscore.

    Returns:
        A maker for each preset, as `launch` takes them.
    """
    make: Callable[..., Config] = config
    full = make().workdir
    return {"full": make} | {
        name: partial(make, **{"preset": name, "workdir": full.with_name(f"{full.name}_{name}"), **flags})
        for name, flags in named.items()
    }


def launch_one(
    experiments: Mapping[str, tuple[Callable[[Any], None], Mapping[str, Callable[[], Any]]]],
    *,
    description: str | None,
) -> NoReturn:
    """Runs one of several experiments of a script, by the first word of its command line, and exits.

    Without a word, it says what to type.

    Args:
        experiments: `main` and `presets` of each, as `launch` takes them, by its word.
        description: what `--help` shows first.
    """
    word, *arguments = sys.argv[1:] or [""]
    if word in experiments:
        main, presets = experiments[word]
        launch(main, presets, description=description, arguments=arguments)

    finish(lambda: _explain(word, list(experiments), description))


def parse(
    default: Flags,
    *,
    description: str | None,
    program: str | None = None,
    arguments: Sequence[str] | None = None,
) -> Flags:
    """The configuration that the command line asks for. `--help` prints and exits.

    Args:
        default: a dataclass; each of its fields is a flag, documented by the string below it.
        description: what `--help` shows first.
        program: how `--help` calls the program; by its file if not given.
        arguments: what to parse; those of the process if not given.

    Returns:
        The same with the fields that the command line names.

    Raises:
        ValueError: arguments that make no configuration, in one sentence.
    """
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            return tyro.cli(
                type(default),
                prog=program,
                description=description,
                args=[_expanded(argument) for argument in (sys.argv[1:] if arguments is None else arguments)],
                default=default,
                config=_TYRO,
            )
    except SystemExit as stop:
        if not stop.code:
            raise
        raise ValueError(_sentence(said.getvalue())) from None


def _expanded(argument: str) -> str:
    """With the user's home for ~, which a shell leaves in --workdir=~/runs."""
    flag = re.match(r"(--[\w-]+=)?(?=~(/|$))", argument)
    return flag[0] + os.path.expanduser(argument[flag.end() :]) if flag else argument


def _parse(
    presets: Mapping[str, Callable[[], Config]], description: str | None, arguments: Sequence[str] | None
) -> Config:
    """The configuration that the command line asks for."""
    pick = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    pick.add_argument("--preset", nargs="?", default="full")
    preset = pick.parse_known_args(arguments)[0].preset
    if preset not in presets:
        wrong = "--preset needs a name" if preset is None else f"Unknown preset {preset!r}"
        raise ValueError(f"{wrong}; known are {', '.join(presets)}.")
    return parse(presets[preset](), description=description, arguments=arguments)


def _explain(word: str, known: Sequence[str], description: str | None) -> None:
    """Prints what to type, unless another word was typed than asks for it."""
    if word not in ("", "-h", "--help"):
        raise ValueError(f"the first argument must be one of {', '.join(known)}, got {word}.")
    commands = "\n".join(f"    {shlex.join([*program(), each])}" for each in known)
    title = (description or "").strip()
    print(f"{title}\n\nType one of\n\n{commands}\n\nfollowed by --help for its flags.")


def _sentence(box: str) -> str:
    """The message from what tyro prints: a title, the message, explanations, between rules and perhaps in a box."""
    lines = [line.strip("│ ") for line in re.sub(r"\x1b\[[\d;]*m", "", box).splitlines()[1:]]
    groups = itertools.groupby(lines, key=lambda line: bool(line.strip("─╰╯-")))
    message = next((" ".join(part) for is_text, part in groups if is_text), "bad arguments")
    message = re.sub(r"^Error parsing \w+: ", "", message)
    return message if message.endswith(".") else f"{message}; --help lists all flags and their values."
