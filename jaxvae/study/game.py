"""Training of families with several players."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jaxtyping import Array, Key

from jaxvae import evaluate, losses, train
from jaxvae.study.experiment import Experiment, spread
from jaxvae.types import AdversarialOutput, Batch, Schedule, Term, Variables

PENALTY = "gradient_penalty"
"""The term that needs the discriminator's slopes, which are only computed in training."""


@dataclass(frozen=True, kw_only=True)
class Game:
    """Who plays for what.

    Attributes:
        terms: of all losses, by name, as `jaxvae.losses.compose_players` takes them.
        weights: of the terms in each player's loss; a replica's hyper-parameters override those of their names.
        players: by the names that the weights use.
        rule: which players wait; none does if not given.
        label: which field of a batch the model's `play` is told; None for a model that is told nothing.
        noise: standard deviation of noise on what the discriminator sees; None if the model takes none.
    """

    terms: Mapping[str, Term]
    weights: losses.Weights
    players: Mapping[str, train.Player]
    rule: losses.Rule | None = None
    label: str | None = None
    noise: float | Schedule | None = None


def fit_game(
    experiment: Experiment,
    replicas: Sequence[train.Replica],
    *,
    model: Any,
    game: Game,
    epochs: int,
    **options: Any,
) -> train.TrainState:
    """Trains replicas of a family with several players, or takes them from where they were left.

    Args:
        experiment: the run.
        replicas: the runs to train side by side.
        model: the Flax module, with a method `play`.
        game: the players' losses and optimizers.
        epochs: passes over the data in all.
        **options: of `Experiment.train_players`, such as `part`.

    Returns:
        The final state on one device, with a leading axis of replicas. After each epoch every term but the gradient
        penalty is measured on validation images.

    Raises:
        ValueError: the directory or the devices refuse, before anything is written.
    """
    axis = experiment.parallel.axis_name
    loss = train.several_players(
        spread(model, axis),
        losses.compose_players(game.terms, game.weights, rule=game.rule, axis_name=axis),
        label=game.label,
        noise=game.noise,
        slopes=PENALTY in game.terms,
    )
    measured = {name: term for name, term in game.terms.items() if name != PENALTY}
    objective = losses.compose(measured, dict.fromkeys(measured, 1.0))

    def play(key: Key[Array, ""], variables: Variables, batch: Batch) -> AdversarialOutput:
        told = None if game.label is None else getattr(batch, game.label)
        judged: AdversarialOutput = model.apply(
            variables, key, batch.image, batch.index, label=told, train=False, method="play"
        )
        return judged

    return experiment.train_players(
        replicas,
        model=model,
        loss=loss,
        players=game.players,
        evaluator=evaluate.objective_evaluator(play, objective),
        epochs=epochs,
        **options,
    )
