"""Flags that decide nothing of what is trained, so that a run may be resumed with others."""

import dataclasses
from typing import Any, TypeVar

_Default = TypeVar("_Default")
_FREE = {"free": True}


def free(default: _Default) -> _Default:
    """The default of a flag that only says where a run is computed, or what is measured of it and how.

    Args:
        default: value of the dataclass's field.

    Returns:
        What the field is set to in the class: `samples: int = cli.free(1000)`.
    """
    field: Any = dataclasses.field(default=default, metadata=_FREE)
    return field


def free_flags(config: Any) -> list[str]:
    """Names of the flags that may differ when a run is resumed.

    Args:
        config: a dataclass, whose fields may be dataclasses.

    Returns:
        The fields made by `free`, in order.
    """
    names = []
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            names += free_flags(value)
        elif field.metadata.get("free"):
            names.append(field.name)
    return names
