"""Commands for pictures and trained runs.

    python -m jaxvae fid A B

compares two sets of pictures, and

    python -m jaxvae sample RUN

draws images from a trained run. `python -m jaxvae fid --help` lists the flags of a command.
"""

import sys
import warnings
from collections.abc import Sequence
from typing import NoReturn

from jaxvae import cli
from jaxvae.cli.process import compile_cache
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
        print(__doc__)
        return
    if name not in COMMANDS:
        raise ValueError(f"Unknown command {name!r}; known are {', '.join(COMMANDS)}.")
    command, flags = COMMANDS[name]
    description = str(command.__doc__).splitlines()[0]
    config = cli.parse(flags(), description=description, program=f"python -m jaxvae {name}", arguments=rest)
    with compile_cache(config.compile_cache):
        command(config)


def command_line() -> NoReturn:
    """Runs from the command line; exits with status 2 for invalid input and 1 for errors of the system."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = lambda message, *_: print(f"warning: {message}", file=sys.stderr)
            main(sys.argv[1:])
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        print(f"error: {error.strerror or error}: {error.filename or 'output'}.", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0)


if __name__ == "__main__":
    command_line()
