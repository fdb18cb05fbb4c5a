"""From a benchmark's flags to its run, and from errors to one line on the screen."""

import sys
from collections.abc import Callable
from typing import NoReturn, TypeVar

from benchmarks.processes import BenchmarkError
from jaxvae import cli

Flags = TypeVar("Flags")


def launch(main: Callable[[Flags], None], default: Flags, *, description: str | None) -> NoReturn:
    """Runs a benchmark from the command line; exit status 2 for wrong input, 1 for a failure during the run.

    Args:
        main: takes the flags; raises ValueError for wrong input.
        default: a dataclass; each of its fields is a flag.
        description: what `--help` shows first.
    """
    try:
        main(cli.parse(default, description=str(description)))
    except (ValueError, BenchmarkError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, ValueError) else 1)
    except KeyboardInterrupt:
        print("error: stopped.", file=sys.stderr)
        sys.exit(130)
    sys.exit(0)
