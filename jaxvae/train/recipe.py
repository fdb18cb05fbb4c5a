"""What a training is made of, whatever its replicas are and wherever it runs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from jax.stages import Wrapped
from jaxtyping import PyTree

from jaxvae.train.divergence import OnNaN
from jaxvae.train.gradients import Losses
from jaxvae.train.parallel import Parallel
from jaxvae.train.replica_parallel import ReplicaParallel
from jaxvae.train.rollback import with_rate
from jaxvae.train.skipping import skipping
from jaxvae.train.source import Source
from jaxvae.train.state import Init, Player, Replica, init_program
from jaxvae.train.step import Step, make_step
from jaxvae.types import Variables


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What one program trains, whatever its replicas are and wherever it runs.

    Attributes:
        init: Flax variables from a key, or such a function for each variant.
        losses: loss of each player.
        players: by name.
        source: the training data.
        evaluate: numbers of one replica on held-out data, from its variables, after each epoch.
        epochs: passes over the data in all.
        ema_decay: of the moving average of the parameters that is evaluated in their place; 0 for none.
        on_nan: what happens to the other replicas when a number of one becomes infinite or NaN.
        skip_nonfinite: steps in a row that a replica may leave out because a gradient is infinite or NaN.
        rollback: whether a replica that diverges goes back to the last good checkpoint, or to the start where there is
            none, and on with half the learning rate, at most three times.
        accumulate: parts that a batch is computed in, one after the other; see `jaxvae.train.accumulate`.
    """

    init: Init | Mapping[str, Init]
    losses: Losses
    players: Mapping[str, Player]
    source: Source
    evaluate: Callable[[Variables, Replica], Mapping[str, float]]
    epochs: int
    ema_decay: float = 0.0
    on_nan: OnNaN = "drop"
    skip_nonfinite: int = 0
    rollback: bool = False
    accumulate: int = 1

    def check(self, parallel: Parallel) -> None:
        """Refuses parts of a batch that cannot be equally large, on each device that shares it.

        Args:
            parallel: the devices.

        Raises:
            ValueError: the batch size is not divisible by the number of parts times that of these devices.
        """
        devices = 1 if isinstance(parallel, ReplicaParallel) else parallel.total
        if self.accumulate > 1 and self.source.batch_size % (self.accumulate * devices):
            shared = f" on each of {devices} devices" if devices > 1 else ""
            raise ValueError(
                f"accumulate cuts a batch into equal parts{shared}, but {self.source.batch_size} examples cannot be "
                f"cut into {self.accumulate * devices}."
            )

    @property
    def step(self) -> Step:
        """The train step of one replica."""
        step = make_step(self.losses, self.players, ema_decay=self.ema_decay, accumulate=self.accumulate)
        if self.skip_nonfinite:
            step = skipping(step, self.players, most=self.skip_nonfinite)
        return step

    def begin(self, replicas: Sequence[Replica]) -> tuple[Wrapped, tuple[PyTree, ...]]:
        """The state of all replicas before the first step, for who compiles it ahead.

        Args:
            replicas: the runs to train side by side.

        Returns:
            The program that computes it, and the program's arguments.
        """
        replicas = with_rate(replicas) if self.rollback else replicas
        ema, skips = self.ema_decay > 0, self.skip_nonfinite > 0
        return init_program(replicas, self.init, self.players, ema=ema, skips=skips)
