"""Checks that the flags of many experiments need."""

import math
from collections.abc import Collection


class Checked:
    """Checks of fields by their names, for the `__post_init__` of a dataclass that inherits them."""

    def require_at_least(self, least: int, *names: str) -> None:
        """Refuses counts that are too small.

        Args:
            least: the smallest that is allowed.
            *names: fields that hold a count, or None, which is let through.

        Raises:
            ValueError: the first field whose count is smaller.
        """
        for name in names:
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"{name} must be at least {least}, got {value}.")

    def require_known(self, name: str, known: Collection[str]) -> None:
        """Refuses a list of names that is empty, repeats one, or has one that there is not.

        Args:
            name: field that holds names, in the plural.
            known: what there is.

        Raises:
            ValueError: the first name that is unknown, with those that are known; or the list.
        """
        names = getattr(self, name)
        if unknown := [each for each in names if each not in known]:
            raise ValueError(
                f"Unknown {name.removesuffix('s')} {unknown[0]!r}; known are {', '.join(map(repr, known))}."
            )
        if not names or len(set(names)) < len(names):
            raise ValueError(f"{name} must be one or more different names, got {', '.join(names) or 'none'}.")

    def require_positive(self, *names: str) -> None:
        """Refuses all but finite numbers above 0.

        Args:
            *names: fields that hold a number.

        Raises:
            ValueError: the first field whose number is 0, negative, infinite or NaN.
        """
        for name in names:
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be finite and > 0, got {getattr(self, name)}.")

    def require_non_negative(self, *names: str) -> None:
        """Refuses all but finite numbers from 0 on.

        Args:
            *names: fields that hold a number.

        Raises:
            ValueError: the first field whose number is negative, infinite or NaN.
        """
        for name in names:
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be finite and >= 0, got {getattr(self, name)}.")
