"""Common checks of flags."""

import math
from collections.abc import Collection


class Checked:
    """Checks of fields by name, for the `__post_init__` of a dataclass that inherits from this class."""

    def require_at_least(self, least: int, *names: str) -> None:
        """Refuses counts that are too small.

        Args:
            least: the smallest allowed count.
            *names: fields with a count, or None, which is accepted.

        Raises:
            ValueError: a count is smaller; the message names the first such field.
        """
        for name in names:
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"{name} must be at least {least}, got {value}.")

    def require_known(self, name: str, known: Collection[str]) -> None:
        """Refuses a list of names that is empty or has a repeated or an unknown name.

        Args:
            name: field with the list, in the plural.
            known: all allowed names.

        Raises:
            ValueError: the list is empty or has a repeated or an unknown name; the message lists the known ones.
        """
        names = getattr(self, name)
        if unknown := [each for each in names if each not in known]:
            raise ValueError(
                f"Unknown {name.removesuffix('s')} {unknown[0]!r}; known are {', '.join(map(repr, known))}."
            )
        if not names or len(set(names)) < len(names):
            raise ValueError(f"{name} must be one or more different names, got {', '.join(names) or 'none'}.")

    def require_positive(self, *names: str) -> None:
        """Refuses numbers that are not finite and positive.

        Args:
            *names: fields with a number.

        Raises:
            ValueError: a number is 0, negative, infinite or NaN; the message names the first such field.
        """
        for name in names:
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be finite and > 0, got {getattr(self, name)}.")

    def require_non_negative(self, *names: str) -> None:
        """Refuses numbers that are not finite and at least 0.

        Args:
            *names: fields with a number.

        Raises:
            ValueError: a number is negative, infinite or NaN; the message names the first such field.
        """
        for name in names:
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be finite and >= 0, got {getattr(self, name)}.")
