"""What training carries from step to step, and who owns which part of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, Key, PyTree


@dataclass(frozen=True)
class Player:
    """Whoever minimises one loss by moving one part of the parameters.

    Attributes:
        owns: names of the top-level subtrees of the parameters that are this player's to move.
        optimizer: Optax chain that turns its gradient into its update.
        hyper: names of those hyper-parameters of a replica that are the optimizer's, which was made by
            `optax.inject_hyperparams` with arguments of these names.
        shares: names of the subtrees of other players that this one moves too; the updates add up.
    """

    owns: tuple[str, ...]
    optimizer: optax.GradientTransformation
    hyper: tuple[str, ...] = ()
    shares: tuple[str, ...] = ()

    @property
    def moves(self) -> tuple[str, ...]:
        """All subtrees that its gradient reaches."""
        return (*self.owns, *self.shares)

    def init(self, params: Mapping[str, PyTree], hyper: Mapping[str, Float[Array, ""]]) -> PyTree:
        """The optimizer's state before the first step.

        Args:
            params: all parameters, by top-level subtree.
            hyper: hyper-parameters of the replica, by name.

        Returns:
            Optax state for the subtrees that the player moves.

        Raises:
            ValueError: the optimizer has no hyper-parameter of a name.
        """
        state = self.optimizer.init({name: params[name] for name in self.moves})
        try:
            return optax.tree_utils.tree_set(state, **{name: hyper[name] for name in self.hyper})
        except KeyError as error:
            raise ValueError(
                f"hyper-parameters {', '.join(self.hyper)} must be both the replica's and the optimizer's: {error}."
            ) from None


@dataclass(frozen=True)
class Replica:
    """One of the runs that are trained side by side in one program.

    Attributes:
        variant: name of the setting.
        seed: decides initial parameters, order of the data and noise; equal seeds meet the same of all three.
        hyper: hyper-parameters of this run that are numbers, by name.
    """

    variant: str
    seed: int
    hyper: Mapping[str, float]

    def __str__(self) -> str:
        return f"{self.variant}, seed {self.seed}"

    @property
    def evaluation_key(self) -> Key[Array, ""]:
        """Key for evaluating this run, apart from those that its training draws from."""
        return jax.random.fold_in(jax.random.key(self.seed), 2**32 - 1)


@flax.struct.dataclass
class TrainState:
    """All that a checkpoint must hold. Every leaf has a leading axis of R replicas outside of the mapped step.

    Attributes:
        step: number of updates made.
        key: from which, with `step`, all randomness follows.
        params: parameters, by top-level subtree.
        model_state: the other Flax collections, such as batch statistics.
        opt_state: Optax state of each player.
        ema: exponential moving average of the parameters, or None.
        hyper: hyper-parameters that are arrays, by name.
    """

    step: Int[Array, "*r"]
    key: Key[Array, "*r"]
    params: Mapping[str, PyTree]
    model_state: Mapping[str, PyTree]
    opt_state: Mapping[str, PyTree]
    ema: Mapping[str, PyTree] | None
    hyper: Mapping[str, Float[Array, "*r"]]

    @property
    def variables(self) -> dict[str, Any]:
        """Flax variables to evaluate with: the averaged parameters if there are any."""
        return {"params": self.params if self.ema is None else self.ema, **self.model_state}

    def replica(self, number: int) -> "TrainState":
        """The state of one replica.

        Args:
            number: its place on the leading axis.

        Returns:
            The state without the leading axis.
        """
        return jax.tree.map(lambda leaf: leaf[number], self)


def check_players(players: Mapping[str, Player], params: Mapping[str, PyTree]) -> None:
    """Refuses players who would leave a parameter unmoved or move it twice.

    Args:
        players: by name.
        params: parameters, by top-level subtree.

    Raises:
        ValueError: a subtree has no owner, several, or does not exist, or an owner also shares what it owns.
    """
    owned = [subtree for player in players.values() for subtree in player.owns]
    wrong = {subtree for subtree in owned if owned.count(subtree) > 1} | (set(owned) ^ set(params))
    for player in players.values():
        wrong |= {subtree for subtree in player.moves if player.moves.count(subtree) > 1}
        wrong |= set(player.shares) - set(params)
    if wrong:
        raise ValueError(
            f"every parameter subtree needs exactly one player: {sorted(wrong)} "
            f"(subtrees: {sorted(params)}; owned: {sorted(owned)})."
        )


def init_state(
    key: Key[Array, ""],
    variables: Mapping[str, PyTree],
    players: Mapping[str, Player],
    *,
    hyper: Mapping[str, Float[Array, ""]] | None = None,
    ema: bool = False,
) -> TrainState:
    """The state of one replica before the first step.

    Args:
        key: for all randomness of the run.
        variables: Flax variables as `Module.init` returns them.
        players: by name; each subtree of the parameters must have exactly one.
        hyper: array hyper-parameters, scalars here.
        ema: whether to keep a moving average of the parameters.

    Returns:
        A state at step 0.

    Raises:
        ValueError: a subtree has no owner, or several.
    """
    params = variables["params"]
    check_players(players, params)
    opt_state = {name: player.init(params, hyper or {}) for name, player in players.items()}
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        key=key,
        params=dict(params),
        model_state={name: tree for name, tree in variables.items() if name != "params"},
        opt_state=opt_state,
        ema=jax.tree.map(jnp.copy, dict(params)) if ema else None,
        hyper=dict(hyper or {}),
    )


Init: TypeAlias = Callable[[Key[Array, ""]], Mapping[str, PyTree]]
"""Flax variables from a key."""


def init_replicas(
    replicas: Sequence[Replica],
    init: Init | Mapping[str, Init],
    players: Mapping[str, Player],
    *,
    ema: bool = False,
) -> TrainState:
    """State of all replicas before the first step, each from its own seed.

    Args:
        replicas: at least one; all have the same names in `hyper`.
        init: Flax variables from a key, or such a function for each variant.
        players: by name.
        ema: whether to keep a moving average of the parameters.

    Returns:
        One state with a leading axis of replicas.

    Raises:
        ValueError: as `init_state`.
    """

    def one(init: Init, seed: Int[Array, ""], hyper: Mapping[str, Array]) -> TrainState:
        init_key, key = jax.random.split(jax.random.key(seed))
        return init_state(key, init(init_key), players, hyper=hyper, ema=ema)

    seeds = jnp.array([replica.seed for replica in replicas])
    names = replicas[0].hyper
    hyper = {name: jnp.array([float(replica.hyper[name]) for replica in replicas]) for name in names}
    own = [init[replica.variant] if isinstance(init, Mapping) else init for replica in replicas]
    states: list[TrainState] = []
    places: list[int] = []
    for function in dict.fromkeys(own):
        where = np.array([place for place, other in enumerate(own) if other is function])
        of_these = jax.tree.map(lambda values, where=where: values[where], (seeds, hyper))
        states.append(jax.jit(jax.vmap(partial(one, function)))(*of_these))
        places.extend(where)
    if len(states) == 1:
        return states[0]
    return jax.tree.map(lambda *parts: jnp.concatenate(parts)[np.argsort(places)], *states)
