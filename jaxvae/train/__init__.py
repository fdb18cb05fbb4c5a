"""Training: players, the train step, its compiled form over replicas and devices, checkpoints, logs and the loop."""

from jaxvae.train.adversarial import adversarial_adam, pausing, several_players
from jaxvae.train.augment import augmented
from jaxvae.train.checkpoint import CheckpointError, Checkpoints
from jaxvae.train.divergence import NonFiniteError, OnNaN, Standing, non_finite_metrics, read_diverged
from jaxvae.train.estimation import Estimate, estimate
from jaxvae.train.feed import Feed, open_feed
from jaxvae.train.gradients import Losses, StepInput, StepLosses
from jaxvae.train.log import MetricLog
from jaxvae.train.loop import CHUNK, Interrupted, fit
from jaxvae.train.optimizers import TUNABLE, adam, schedule, tunable
from jaxvae.train.parallel import Parallel
from jaxvae.train.program import Program, map_replicas
from jaxvae.train.recipe import Recipe
from jaxvae.train.replica_parallel import ReplicaParallel
from jaxvae.train.rollback import RollBack, Rollbacks, read_rollbacks
from jaxvae.train.shared_directory import agree, run_directory
from jaxvae.train.skipping import SKIPPED, skipping
from jaxvae.train.state import Player, Replica, TrainState, init_replicas, init_state
from jaxvae.train.step import Step, make_step, one_player
from jaxvae.train.together import together
from jaxvae.train.trainer import run
from jaxvae.train.workdir import Workdir

__all__ = [
    "CHUNK",
    "SKIPPED",
    "TUNABLE",
    "CheckpointError",
    "Checkpoints",
    "Estimate",
    "Feed",
    "Interrupted",
    "Losses",
    "MetricLog",
    "NonFiniteError",
    "OnNaN",
    "Parallel",
    "Player",
    "Program",
    "Recipe",
    "Replica",
    "ReplicaParallel",
    "RollBack",
    "Rollbacks",
    "Standing",
    "Step",
    "StepInput",
    "StepLosses",
    "TrainState",
    "Workdir",
    "adam",
    "adversarial_adam",
    "agree",
    "augmented",
    "estimate",
    "fit",
    "init_replicas",
    "init_state",
    "make_step",
    "map_replicas",
    "non_finite_metrics",
    "one_player",
    "open_feed",
    "pausing",
    "read_diverged",
    "read_rollbacks",
    "run",
    "run_directory",
    "schedule",
    "several_players",
    "skipping",
    "together",
    "tunable",
]
