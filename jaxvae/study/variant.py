"""The settings that a study compares."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from jaxvae import report


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One setting that a study compares: a row of its table, trained once for each seed.

    An experiment adds the fields in which its variants differ, and a `program` that follows from them.

    Attributes:
        note: what a reader has to know to compare it.
        published: what the reproduced work states of it, by metric.
        before: name of the variant that it differs from in one thing.
        change: what that is; empty if there is no such variant.
    """

    note: str = ""
    published: Mapping[str, float] = field(default_factory=dict)
    before: str = ""
    change: str = ""

    @property
    def program(self) -> str:
        """Name of the compiled program that trains it; variants of one name do the same work at each step.

        It is also the name of the run's part that they are trained in.

        Raises:
            TypeError: the experiment's variants have no such property.
        """
        raise TypeError(f"{type(self).__name__} names no program; give it a property `program`.")


V = TypeVar("V", bound=Variant)


def programs(variants: Mapping[str, V]) -> dict[str, dict[str, V]]:
    """Groups variants by the program that trains them.

    Args:
        variants: by name.

    Returns:
        The variants of each program by name, both in the order of first appearance.
    """
    groups: dict[str, dict[str, V]] = {}
    for name, variant in variants.items():
        groups.setdefault(variant.program, {})[name] = variant
    return groups


def contrasts(variants: Mapping[str, V]) -> list[report.Contrast]:
    """The single changes between variants.

    Args:
        variants: by name.

    Returns:
        One for each variant that names its change.
    """
    return [
        report.Contrast(change=variant.change, before=variant.before, after=name)
        for name, variant in variants.items()
        if variant.change
    ]


def parts(variants: Mapping[str, V]) -> dict[str, str]:
    """Which part of a run holds which variant, as `Experiment.open` takes it.

    Args:
        variants: by name.

    Returns:
        The program of each.
    """
    return {name: variant.program for name, variant in variants.items()}
