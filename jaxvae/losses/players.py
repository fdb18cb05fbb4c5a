"""The objectives of several players: every term is computed once, and each player weighs those that concern it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from jaxvae.losses.compose import compose
from jaxvae.types import Batch, Schedule, Term

Weights: TypeAlias = Mapping[str, Mapping[str, float | Schedule]]
"""Weight of each term in each player's loss, `{player: {term: weight}}`; what is not named weighs nothing."""

Rule: TypeAlias = Callable[[Mapping[str, Float[Array, ""]]], Mapping[str, Bool[Array, ""]]]
"""Mean values of the terms to `{player: whether it may move}`; who is not named may."""


@runtime_checkable
class PlayersObjective(Protocol):
    """What `compose_players` returns: a scalar for each player and the numbers to log."""

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
            output: what the model made of the batch.
            batch: the examples; those with mask 0 don't count.
            step: number of the train step, which schedules look at.
            overrides: weights that replace the composed ones, by "<player>_<term>", each a scalar.

        Returns:
            The loss of each player, and metrics: for each term its mean value under its name, for each player its
            loss under "<player>_loss" and, if a rule looks at it, 1 or 0 under "<player>_moves"; "loss" is the first
            player's.

        Raises:
            ValueError: an override has no weight of its name, or a term a shape that `compose` refuses.
        """
        ...


def compose_players(
    terms: Mapping[str, Term], weights: Weights, *, rule: Rule | None = None
) -> PlayersObjective:
    """Objectives of several players who share terms.

    Terms are averaged over the batch as `compose` does. A player without weights has loss 0. Where the rule holds a
    player back its loss is 0 and has gradient 0; an optimizer made by `jaxvae.train.pausing` then stands still.

    Args:
        terms: by name, in the order that fixes their keys.
        weights: of each player; may be negative, for a player who wants a term to grow.
        rule: who may move, from the terms' means; all may if not given.

    Returns:
        The objectives.

    Raises:
        ValueError: no player, a weight of a term that there is not or that is not finite, or what `compose` refuses.
    """
    if not weights:
        raise ValueError("compose_players needs at least one player, got none.")
    for player, own in weights.items():
        for name, weight in own.items():
            if name not in terms:
                raise ValueError(
                    f"{player} weighs {name}, which is not a term; the terms are {', '.join(terms)}."
                )
            if not callable(weight) and not abs(weight) < float("inf"):
                raise ValueError(f"The weight of {name} for {player} must be finite, got {weight}.")
    means = {name: compose({name: term}, {name: 1.0}) for name, term in terms.items()}
    names = {f"{player}_{name}" for player, own in weights.items() for name in own}

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
                f"No weight is named {', '.join(unknown)}; there are {', '.join(sorted(names))}."
            )
        values, metrics = {}, {}
        for position, (name, mean) in enumerate(means.items()):
            values[name], logged = mean(jax.random.fold_in(key, position), output, batch, step)
            metrics[name] = logged[name]
        moves = {} if rule is None else rule(jax.lax.stop_gradient(metrics))
        losses, known = {}, dict(metrics)
        for player, own in weights.items():
            used = {n: overrides.get(f"{player}_{n}", _at(weight, step)) for n, weight in own.items()}
            gate = moves[player].astype(jnp.float32) if player in moves else jnp.ones(())
            losses[player] = gate * _total(used, values)
            metrics[f"{player}_loss"] = _total(used, known)
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
    """Rule: whoever of discriminator and generator is too strong waits for the other.

    The discriminator waits while its mean loss of what is real or of what is fake is below target - margin, the
    generator while one of them is above target + margin. Where both would wait, both move.

    Args:
        real: terms of the discriminator's loss of what is real; their mean is looked at.
        fake: terms of its loss of what is generated.
        discriminator: name of the player.
        generator: name of its opponent.
        target: loss in equilibrium, nats; log 2 where the discriminator cannot tell.
        margin: how far from it both may go, at least 0.

    Returns:
        The rule.

    Raises:
        ValueError: negative margin, or no term.

    References:
        Larsen et al., Autoencoding beyond pixels using a learned similarity metric, ICML 2016, the authors' code.
    """
    if margin < 0:
        raise ValueError(f"the equilibrium's margin must be >= 0, got {margin}.")
    if not real or not fake:
        raise ValueError(
            f"the equilibrium needs terms of what is real and of what is fake, got {real} and {fake}."
        )

    def rule(means: Mapping[str, Float[Array, ""]]) -> Mapping[str, Bool[Array, ""]]:
        sides = jnp.stack([jnp.mean(jnp.stack([means[name] for name in names])) for names in (real, fake)])
        ahead, behind = jnp.any(sides < target - margin), jnp.any(sides > target + margin)
        return {discriminator: ~ahead | behind, generator: ~behind | ahead}

    return rule


def _total(weights: Mapping[str, Array], values: Mapping[str, Array]) -> Float[Array, ""]:
    return sum((weight * values[name] for name, weight in weights.items()), jnp.zeros(()))


def _at(weight: float | Schedule, step: Int[Array, ""]) -> Float[Array, ""]:
    return jnp.asarray(weight(step) if callable(weight) else weight, jnp.float32)
