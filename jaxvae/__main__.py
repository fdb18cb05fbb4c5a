"""Commands for pictures and trained runs.

    python -m jaxvae fid A B

compares two sets of pictures,

    python -m jaxvae sample RUN

draws images from a trained run, and

    python -m jaxvae draw faces --out DIR

draws faces with attributes. `python -m jaxvae fid --help` lists the flags of a command.
"""

import sys
import warnings
from collections.abc import Sequence
from typing import NoReturn

from jaxvae import cli
from jaxvae.cli.process import compile_cache, find_devices
from jaxvae.commands import COMMANDS


def main(arguments: Sequence[str]) -> None:
    """Runs a command.

    Args:
        arguments: the command's name and its flags.

    Raises:
        ValueError: the command is unknown or its input invalid; the message is one sentence.
    """
    name, *rest = arguments or [""]
    if name in ("-h", "--help"):
        print(__doc__ or f"The commands are {', '.join(COMMANDS)}.")  # python -OO has no docstrings
        return
    if name not in COMMANDS:
        raise ValueError(f"Unknown command {name!r}; known are {', '.join(COMMANDS)}.")
    command, flags = COMMANDS[name]
    description = (command.__doc__ or "").partition("\n")[0]
    config = cli.parse(flags(), description=description, program=f"python -m jaxvae {name}", arguments=rest)
    find_devices()
    with compile_cache(getattr(config, "compile_cache", False)), warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = lambda message, *_: print(f"warning: {message}", file=sys.stderr)
        command(config)


def command_line() -> NoReturn:
    """Runs from the command line; exits with status 2 for invalid input and 1 for errors of the system."""
    cli.finish(lambda: main(sys.argv[1:]))


if __name__ == "__main__":
    command_line()
