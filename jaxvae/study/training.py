"""What a training is: a model, what it minimises, who moves its parameters, and what is trained side by side."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from numbers import Real
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Key

from jaxvae import data, evaluate, losses, models, train
from jaxvae.train.gradients import StepInput
from jaxvae.train.state import Init
from jaxvae.train.step import Corrupt
from jaxvae.types import AdversarialOutput, Batch, Model, Schedule, Term, Variables

PENALTY = "gradient_penalty"
"""The term that needs the discriminator's slopes, which are only computed in training."""

PLAYER = "model"
"""Name of the one player of a training that has no game."""


@dataclass(frozen=True, kw_only=True)
class Game:
    """Several players who move parts of one model.

    Attributes:
        terms: of all losses, by name, as `jaxvae.losses.compose_players` takes them.
        weights: of the terms in each player's loss; a variant's hyper-parameters override those of their names.
        players: by the names that the weights use.
        rule: which players wait; none does if not given.
        label: field of a batch that the model's `play` takes as `label`; None if it takes none.
        noise: standard deviation of noise on what the discriminator sees; None if the model takes none.
    """

    terms: Mapping[str, Term]
    weights: losses.Weights
    players: Mapping[str, train.Player]
    rule: losses.Rule | None = None
    label: str | None = None
    noise: float | Schedule | None = None


@dataclass(frozen=True, kw_only=True)
class Training:
    """One program: a model, its loss and its optimizer, and the variants that it trains side by side.

    A model with one loss has `terms`, `weights` and an `optimizer`; one with several players has a `game`.

    Attributes:
        model: Flax module.
        terms: of the loss, by name.
        weights: of the terms: numbers, or schedules of the step.
        optimizer: Optax chain that minimises the loss.
        game: losses and optimizers of several players.
        variants: names of what is trained, each with the numbers in which it differs from the others: weights of terms,
            and those hyper-parameters that `tuned` and `arguments` name. All variants have the same names.
        models: module of each variant that differs from `model` in what the steps do not see: its prior, or how its
            parameters begin.
        tuned: hyper-parameters that are the optimizer's, made by `jaxvae.train.tunable`.
        arguments: hyper-parameters that are keyword arguments of the model.
        epochs: passes over the training data; as the run's flag says if not given.
        source: training data; the run's if not given.
        validation: batches that the loss is computed on after each epoch; a fifth of the held-out images if not
            given.
        augment: what is done to the training images before model and loss see them; see `jaxvae.train.augmented`.
        corrupt: what is done to the images that the model alone sees; see `jaxvae.train.one_player`.
        ema_decay: of the moving average of the parameters that is evaluated in their place; 0 for none.
    """

    model: Model
    variants: Mapping[str, Mapping[str, float]]
    terms: Mapping[str, Term] = field(default_factory=dict)
    weights: Mapping[str, float | Schedule] = field(default_factory=dict)
    optimizer: optax.GradientTransformation | None = None
    game: Game | None = None
    models: Mapping[str, Model] = field(default_factory=dict)
    tuned: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    epochs: int | None = None
    source: data.Source | None = None
    validation: Sequence[Batch] | None = None
    augment: Corrupt | None = None
    corrupt: Corrupt | None = None
    ema_decay: float = 0.0

    def __post_init__(self) -> None:
        """Refuses what trains nothing.

        Raises:
            ValueError: no variant, variants with different hyper-parameters or such that are no numbers, or not exactly
                one of an optimizer and a game.
        """
        if not isinstance(self.variants, Mapping):
            raise ValueError(f"variants must be a dictionary of names and numbers, got {self.variants!r}.")
        for name, hyper in self.variants.items():
            numbers = hyper.values() if isinstance(hyper, Mapping) else [None]
            if not all(isinstance(number, Real) for number in numbers):
                raise ValueError(
                    f'variant {name!r} must be a dictionary such as {{"kl": 1.0}}, got {hyper!r}.'
                )
        if not self.variants:
            raise ValueError("a training needs at least one variant, got none.")
        first, *others = self.variants.items()
        for name, hyper in others:
            if differing := sorted(set(hyper) ^ set(first[1])):
                raise ValueError(
                    f"variants of one training must set the same numbers, but {first[0]!r} and {name!r} differ in "
                    f"{', '.join(differing)}."
                )
        if (self.optimizer is None) == (self.game is None):
            raise ValueError("a training needs terms, weights and an optimizer, or a game, and not both.")
        if self.game is not None and (self.terms or self.weights or self.corrupt or self.arguments):
            raise ValueError(
                "the terms of a game are its own; give terms, weights and arguments without a game."
            )

    @property
    def losses(self) -> train.Losses:
        """Loss of each player, as a train step takes it."""
        if self.game is None:
            step_losses = train.one_player(
                PLAYER,
                self.model,
                losses.compose(self.terms, self.weights, remat=self._remat),
                corrupt=self.corrupt,
                arguments=self.arguments,
                label=self.model.label_field,
            )
        else:
            step_losses = train.several_players(
                self.model,
                losses.compose_players(self.game.terms, self.game.weights, rule=self.game.rule),
                label=self.game.label,
                noise=self.game.noise,
                slopes=PENALTY in self.game.terms,
            )
        return step_losses if self.augment is None else train.augmented(step_losses, self.augment)

    @property
    def _remat(self) -> bool:
        """Whether terms are computed again in the backward pass: where the model's parts are."""
        layout = getattr(self.model, "layout", None)
        return layout is not None and layout.remat

    @property
    def players(self) -> Mapping[str, train.Player]:
        """Who moves which part of the parameters, by name."""
        if self.game is not None:
            return self.game.players
        assert self.optimizer is not None
        subtrees = tuple(jax.eval_shape(lambda: self.initial(jax.random.key(0)))["params"])
        return {PLAYER: train.Player(subtrees, self.optimizer, self.tuned)}

    @property
    def evaluator(self) -> evaluate.Evaluator:
        """Mean of every term on held-out data, unweighted, and the loss."""
        if self.game is None:
            return evaluate.objective_evaluator(forward(self.model), losses.compose(self.terms, self.weights))
        measured = {name: term for name, term in self.game.terms.items() if name != PENALTY}
        objective = losses.compose(measured, dict.fromkeys(measured, 1.0))
        return evaluate.objective_evaluator(partial(_play, self.model, self.game), objective)

    def initial(self, key: Key[Array, ""]) -> Variables:
        """The model's variables before training.

        Args:
            key: source of randomness.

        Returns:
            Parameters and statistics, by Flax collection.
        """
        return models.init(key, self.model)

    @property
    def init(self) -> Init | Mapping[str, Init]:
        """The variables before training from a key, or such a function for each variant."""
        if not self.models:
            return self.initial
        functions: dict[str, Init] = {}
        kinds = {name: str(models.describe(model) | {"prior": None}) for name, model in self.models.items()}
        for name, model in self.models.items():
            functions.setdefault(kinds[name], partial(models.init, model=model))
        return {name: functions[kind] for name, kind in kinds.items()}

    def trace(self, batch: Batch) -> None:
        """Goes through model and losses without computing anything.

        Args:
            batch: examples of the shape that will be trained on.

        Raises:
            ValueError: images, labels or weights that do not fit.
        """
        hyper = {
            name: jnp.float32(0) for name in next(iter(self.variants.values())) if name not in self.tuned
        }

        def loss(batch: Batch) -> Any:
            key = jax.random.key(0)
            variables = dict(self.initial(key))
            params = variables.pop("params")
            return self.losses(StepInput(key, params, variables, batch, jnp.int32(0), hyper))

        jax.eval_shape(loss, batch)


def forward(model: Model) -> Callable[[Any, Variables, Batch], Any]:
    """Binds a module to `jaxvae.models.forward`, as evaluators call it.

    Args:
        model: of any family.

    Returns:
        `(key, variables, batch) -> output`.
    """
    return lambda key, variables, batch: models.forward(key, model, variables, batch)


def _play(
    model: Model, game: Game, key: Key[Array, ""], variables: Variables, batch: Batch
) -> AdversarialOutput:
    label = None if game.label is None else getattr(batch, game.label)
    output: AdversarialOutput = model.apply(
        variables, key, batch.image, batch.index, label=label, train=False, method="play"
    )
    return output
