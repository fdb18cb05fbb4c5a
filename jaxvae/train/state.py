"""The state that training carries from step to step, and the players that own its parts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import dtypes
from jax.stages import Wrapped
from jaxtyping import Array, Float, Int, Key, PyTree

from jaxvae.keys import evaluation_key

if TYPE_CHECKING:
    Leaf = Array
else:  # a state of shapes stands for one that is not computed yet
    Leaf = Any


@dataclass(frozen=True)
class Player:
    """A player minimizes one loss by moving a part of the parameters.

    Attributes:
        owns: names of the top-level subtrees of the parameters that the player owns and moves.
        optimizer: Optax chain that turns its gradient into its update.
        hyper: names of the replica's hyper-parameters that belong to the optimizer, which must be made by
            `optax.inject_hyperparams` with arguments of these names.
        shares: names of subtrees owned by other players that this one moves too; the updates add up.
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
            ValueError: the replica or the optimizer has no hyper-parameter of a name in `hyper`.
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
        seed: determines initial parameters, order of the data and noise; runs with equal seeds share all three.
        hyper: numeric hyper-parameters of this run, by name.
    """

    variant: str
    seed: int
    hyper: Mapping[str, float]

    def __str__(self) -> str:
        return f"{self.variant}, seed {self.seed}"

    @property
    def evaluation_key(self) -> Key[Array, ""]:
        """Key for evaluating this run, independent of all keys that its training draws from."""
        return evaluation_key(self.seed)


RATE = "rollback_rate"
"""Name of the hyper-parameter that multiplies every update, of replicas that may go back; see `Recipe.rollback`."""


@flax.struct.dataclass
class TrainState:
    """Everything that a checkpoint must hold. Outside the mapped step every leaf has a leading axis of R replicas.

    Attributes:
        step: number of updates made.
        key: determines, together with `step`, all randomness.
        params: parameters, by top-level subtree.
        model_state: the other Flax collections, such as batch statistics.
        opt_state: Optax state of each player.
        ema: exponential moving average of the parameters, or None.
        hyper: numeric hyper-parameters, by name.
        skips: of the steps that were left out, "in_a_row" up to now and the "total"; None where none may be. See
            `jaxvae.train.skipping`.
    """

    step: Int[Leaf, "*r"]
    key: Key[Leaf, "*r"]
    params: Mapping[str, PyTree]
    model_state: Mapping[str, PyTree]
    opt_state: Mapping[str, PyTree]
    ema: Mapping[str, PyTree] | None
    hyper: Mapping[str, Float[Leaf, "*r"]]
    skips: Mapping[str, Int[Leaf, "*r"]] | None = None

    @property
    def variables(self) -> dict[str, Any]:
        """Flax variables for evaluation: with the averaged parameters if there are any."""
        return {"params": self.params if self.ema is None else self.ema, **self.model_state}

    def replica(self, number: int) -> "TrainState":
        """The state of one replica.

        Args:
            number: its position on the leading axis.

        Returns:
            The state without the leading axis.
        """
        with jax.default_matmul_precision(None):  # which would be another program for each precision
            return _replica(self, number)


@jax.jit
def _replica(state: TrainState, number: Int[Array, ""] | int) -> TrainState:
    return jax.tree.map(lambda leaf: leaf[number], state)


def check_players(players: Mapping[str, Player], params: Mapping[str, PyTree]) -> None:
    """Checks that every subtree of the parameters has exactly one owner.

    Args:
        players: by name.
        params: parameters, by top-level subtree.

    Raises:
        ValueError: a subtree has no owner or several, a named subtree does not exist, or a player shares a subtree
            that it owns.
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
    skips: bool = False,
) -> TrainState:
    """The state of one replica before the first step.

    Args:
        key: determines all randomness of the run.
        variables: Flax variables as `Module.init` returns them.
        players: by name; each subtree of the parameters must have exactly one.
        hyper: numeric hyper-parameters, scalars here.
        ema: whether to keep a moving average of the parameters.
        skips: whether to count steps that are left out.

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
        skips={name: jnp.zeros((), jnp.int32) for name in ("in_a_row", "total")} if skips else None,
    )


Init: TypeAlias = Callable[[Key[Array, ""]], Mapping[str, PyTree]]
"""Maps a key to Flax variables."""


def init_program(
    replicas: Sequence[Replica],
    init: Init | Mapping[str, Init],
    players: Mapping[str, Player],
    *,
    ema: bool = False,
    skips: bool = False,
) -> tuple[Wrapped, tuple[Int[np.ndarray, " r"], Mapping[str, Float[np.ndarray, " r"]]]]:
    """The program that computes the state of all replicas before the first step, for who compiles it ahead.

    Args:
        replicas: at least one, all with the same names in `hyper`.
        init: maps a key to Flax variables; or such a function for each variant.
        players: by name.
        ema: whether to keep a moving average of the parameters.
        skips: whether to count steps that are left out.

    Returns:
        The program, and its arguments: the replicas' seeds and hyper-parameters.
    """

    def one(init: Init, seed: Int[Array, ""], hyper: Mapping[str, Array]) -> TrainState:
        init_key, key = jax.random.split(jax.random.key(seed))
        return init_state(key, init(init_key), players, hyper=hyper, ema=ema, skips=skips)

    inits = [init[replica.variant] if isinstance(init, Mapping) else init for replica in replicas]
    groups = {
        function: np.array([place for place, other in enumerate(inits) if other is function])
        for function in dict.fromkeys(inits)
    }

    def start(*arguments: PyTree) -> TrainState:
        if len(groups) == 1:
            return jax.vmap(partial(one, inits[0]))(*arguments)
        states = [
            jax.vmap(partial(one, function))(*jax.tree.map(lambda values, at=at: values[at], arguments))
            for function, at in groups.items()
        ]
        places = np.argsort(np.concatenate(list(groups.values())))
        return jax.tree.map(lambda *parts: jnp.concatenate(parts)[places], *states)

    # NumPy's arrays: each of JAX's own functions would be a program of its own.
    seeds = np.array([replica.seed for replica in replicas], dtypes.canonicalize_dtype(int))
    real = dtypes.canonicalize_dtype(float)
    hyper = {
        name: np.array([replica.hyper[name] for replica in replicas], real) for name in replicas[0].hyper
    }
    return jax.jit(start), (seeds, hyper)


def init_replicas(
    replicas: Sequence[Replica],
    init: Init | Mapping[str, Init],
    players: Mapping[str, Player],
    *,
    ema: bool = False,
    skips: bool = False,
) -> TrainState:
    """State of all replicas before the first step, each from its own seed.

    Args:
        replicas: as `init_program`.
        init: as `init_program`.
        players: by name.
        ema: whether to keep a moving average of the parameters.
        skips: whether to count steps that are left out.

    Returns:
        One state with a leading axis of replicas.

    Raises:
        ValueError: as `init_state`.
    """
    program, arguments = init_program(replicas, init, players, ema=ema, skips=skips)
    return program(*arguments)
