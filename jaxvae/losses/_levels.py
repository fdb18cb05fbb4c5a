"""Which prior belongs to which level of latents."""

from collections.abc import Sequence

from jaxvae.types import Prior


def priors_by_level(
    prior: Prior | Sequence[Prior], *, level: int | None, levels: int
) -> list[tuple[int, Prior]]:
    """Pairs the levels that a term uses with their priors.

    Args:
        prior: one prior for all levels, or a sequence with one per level.
        level: the only level to use, 1 at the bottom; None uses all.
        levels: how many levels the model has, at least 1.

    Returns:
        (position in the tuple of levels, prior) pairs, bottom level first.

    Raises:
        ValueError: the model has no such level, or the number of priors differs from the number of levels.
    """
    priors = tuple(prior) if isinstance(prior, Sequence) else (prior,) * levels
    if len(priors) != levels:
        raise ValueError(
            f"The model has {levels} levels, got {len(priors)} priors; give one, or one per level."
        )
    if level is None:
        return list(enumerate(priors))
    check_level(level, levels)
    return [(level - 1, priors[level - 1])]


def check_level(level: int, levels: int) -> None:
    """Refuses a level that a model does not have.

    Args:
        level: 1 at the bottom.
        levels: how many levels the model has.

    Raises:
        ValueError: the model has no such level.
    """
    if not 1 <= level <= levels:
        raise ValueError(f"level must be between 1 (bottom) and {levels} (top) for this model, got {level}.")
