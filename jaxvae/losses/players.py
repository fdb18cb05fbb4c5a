"""The objectives of several players: every term is computed once, and each player has its own weights."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from jaxvae.losses.compose import compose
from jaxvae.types import Batch, Schedule, Term

Weights: TypeAlias = Mapping[str, Mapping[str, float | Schedule]]
"""Weight of each term in each player's loss, `{player: {term: weight}}`; a term without a weight counts nothing."""

Rule: TypeAlias = Callable[[Mapping[str, Float[Array, ""]]], Mapping[str, Bool[Array, ""]]]
"""Maps mean values of the terms to `{player: whether it may move}`; players without an entry may."""


@runtime_checkable
class PlayersObjective(Protocol):
    """What `compose_players` returns: a scalar per player and the numbers to log."""

    def __call__(
        self,
        key: Key[Array, ""],
        output: Any,
        batch: Batch,
        step: Int[Array, ""],
        overrides: Mapping[str, Float[Array, ""]] | None = None,
    ) -> tuple[dict[str, Float[Array, ""]], dict[str, Float[Array, ""]]]:
        """Losses of one batch.

        Args:
            key: source of the terms' randomness; equal on all devices.
            output: what the model returned for the batch.
            batch: the examples; those with mask 0 don't count.
            step: number of the train step, for the schedules.
            overrides: weights by "<player>_<term>", each a scalar, that replace the composed ones.

        Returns:
            The loss of each player, and metrics: for each term its mean under its name, for each player its loss under
            "<player>_loss" and, if the rule decides on it, 1 or 0 under "<player>_moves". "loss" is the first
            player's loss.

        Raises:
            ValueError: an override names no weight, or a term has a shape that `compose` refuses.
        """
        ...


def compose_players(
    terms: Mapping[str, Term], weights: Weights, *, rule: Rule | None = None
) -> PlayersObjective:
    """Objectives of several players that share terms.

    Terms are averaged over the batch as in `compose`. A player without weights has loss 0. While the rule holds a
    player back, its loss and gradient are 0; an optimizer made by `jaxvae.train.pausing` then makes no update.

    Args:
        terms: by name. Their order fixes their keys.
        weights: of each player; may be negative, for a player that maximizes a term.
        rule: decides from the terms' means which players may move; None lets all move.

    Returns:
        The objectives.

    Raises:
        ValueError: there is no player, a weight is not finite or names no term, or `compose` refuses a term.
    """
    if not weights:
        raise ValueError("compose_players needs at least one player, got none.")
    for player, term_weights in weights.items():
        for name, weight in term_weights.items():
            if name not in terms:
                raise ValueError(
                    f"{player} has a weight for {name}, which is not a term; the terms are {', '.join(terms)}."
                )
            if not callable(weight) and not abs(weight) < float("inf"):
                raise ValueError(f"The weight of {name} for {player} must be finite, got {weight}.")
    means = {name: compose({name: term}, {name: 1.0}) for name, term in terms.items()}
    names = {f"{player}_{name}" for player, term_weights in weights.items() for name in term_weights}

    def objective(
        key: Key[Array, ""],
        output: Any,
        batch: Batch,
        step: Int[Array, ""],
        overrides: Mapping[str, Float[Array, ""]] | None = None,
    ) -> tuple[dict[str, Float[Array, ""]], dict[str, Float[Array, ""]]]:
        overrides = overrides or {}
        if unknown := sorted(set(overrides) - names):
            raise ValueError(
                f"No weight is named {', '.join(unknown)}; the weights are {', '.join(sorted(names))}."
            )
        values, metrics = {}, {}
        for position, (name, mean) in enumerate(means.items()):
            values[name], logged = mean(jax.random.fold_in(key, position), output, batch, step)
            metrics[name] = logged[name]
        moves = {} if rule is None else rule(jax.lax.stop_gradient(metrics))
        losses, means_of_terms = {}, dict(metrics)
        for player, term_weights in weights.items():
            current = {n: overrides.get(f"{player}_{n}", _at(w, step)) for n, w in term_weights.items()}
            gate = moves[player].astype(jnp.float32) if player in moves else jnp.ones(())
            losses[player] = gate * _total(current, values)
            metrics[f"{player}_loss"] = _total(current, means_of_terms)
            if player in moves:
                metrics[f"{player}_moves"] = gate
        return losses, metrics | {"loss": metrics[f"{next(iter(weights))}_loss"]}

    return objective


def equilibrium(
    real: Sequence[str],
    fake: Sequence[str],
    *,
    discriminator: str = "discriminator",
    generator: str = "decoder",
    target: float = 0.68,
    margin: float = 0.4,
) -> Rule:
    """Rule: the stronger one of discriminator and generator waits for the other.

    The discriminator waits while its mean loss on real or on fake examples is below target - margin, the generator
    while one of these is above target + margin. If both would have to wait, both move.

    Args:
        real: terms of the discriminator's loss on real examples, which are averaged.
        fake: terms of its loss on generated examples, which are averaged.
        discriminator: name of the discriminator's player.
        generator: name of its opponent.
        target: loss in equilibrium, nats; log 2 if the discriminator cannot tell real from fake.
        margin: how far both losses may be from it, at least 0.

    Returns:
        The rule.

    Raises:
        ValueError: negative margin, or no term for real or for fake examples.

    References:
        Larsen et al., Autoencoding beyond pixels using a learned similarity metric, ICML 2016, the authors' code.
    """
    if margin < 0:
        raise ValueError(f"the equilibrium's margin must be >= 0, got {margin}.")
    if not real or not fake:
        raise ValueError(
            f"the equilibrium needs terms for real and for fake examples, got {real} and {fake}."
        )

    def rule(means: Mapping[str, Float[Array, ""]]) -> Mapping[str, Bool[Array, ""]]:
        sides = jnp.stack([jnp.mean(jnp.stack([means[name] for name in names])) for names in (real, fake)])
        too_low, too_high = jnp.any(sides < target - margin), jnp.any(sides > target + margin)
        return {discriminator: ~too_low | too_high, generator: ~too_high | too_low}

    return rule


def _total(weights: Mapping[str, Array], values: Mapping[str, Array]) -> Float[Array, ""]:
    return sum((weight * values[name] for name, weight in weights.items()), jnp.zeros(()))


def _at(weight: float | Schedule, step: Int[Array, ""]) -> Float[Array, ""]:
    return jnp.asarray(weight(step) if callable(weight) else weight, jnp.float32)
