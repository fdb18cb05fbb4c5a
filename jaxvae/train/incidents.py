"""Lists of what befell replicas, as diverged.json and rollbacks.json hold them."""

from pathlib import Path
from typing import Any

from jaxvae.files import exists
from jaxvae.records import is_measured, is_whole, parse

_HEAD = ("variant", "seed", "step", "reason")


def read_incidents(path: Path, *numbers: str) -> list[dict[str, Any]]:
    """Reads what befell replicas.

    Args:
        path: the file; need not exist.
        *numbers: what an entry has besides variant, seed, step and reason.

    Returns:
        The entries, in order.

    Raises:
        ValueError: the file is damaged.
        OSError: the file cannot be read.
    """
    entries = parse(path.read_bytes()) if exists(path) else []
    if not (isinstance(entries, list) and all(_is_incident(entry, numbers) for entry in entries)):
        raise ValueError(
            f"{path} is damaged: it must hold a list of replicas, each with {', '.join(_HEAD + numbers)}; put back a "
            "copy of it, or start anew in another --workdir."
        )
    return entries


def _is_incident(entry: Any, numbers: tuple[str, ...]) -> bool:
    return (
        isinstance(entry, dict)
        and all(isinstance(entry.get(name), str) for name in ("variant", "reason"))
        and all(is_whole(entry.get(name)) for name in ("seed", "step"))
        and all(entry.get(name) is not None and is_measured(entry[name]) for name in numbers)
    )
