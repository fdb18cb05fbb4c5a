"""Chapter one: the twelve cases, trained side by side where their networks do the same work, and measured."""

from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

from experiments.conv_vae_mnist.cases_page import COLUMNS, make_blocks, verdict
from experiments.conv_vae_mnist.config import CHANGES, Config
from jaxvae import evaluate, losses, models, study, train

WIDTHS = (32, 64, 128, 256)
"""Channels of the convolutions, from the image inwards."""


@dataclass(frozen=True, kw_only=True)
class Variant(study.Variant):
    """A case with all that decides it.

    Attributes:
        layers: convolutions of the encoder.
        latent_size: dimensions of the code.
        encoder_dropout: share of the encoder's activations dropped in training.
        decoder_dropout: the same of the decoder.
        beta: weight of the KL divergence.
        optimizer: "adam" or "sgd".
        momentum: of the optimizer.
        learning_rate: of the optimizer.
        epochs: passes over the training data.
    """

    layers: int
    latent_size: int
    encoder_dropout: float
    decoder_dropout: float
    beta: float
    optimizer: str
    momentum: float
    learning_rate: float
    epochs: int

    @property
    def program(self) -> str:
        """Cases that do the same work at each step share a program."""
        dropped = [side for side in ("encoder", "decoder") if getattr(self, f"{side}_dropout")]
        dropout = ["dropout", *dropped] if dropped else []
        sizes = (f"{self.latent_size}d", f"{self.layers}layers", self.optimizer, f"{self.epochs}epochs")
        return "-".join(["cases", *sizes, *dropout])

    @property
    def rates(self) -> dict[str, float]:
        """Dropout rates that the network is given as arguments."""
        return {n: getattr(self, n) for n in ("encoder_dropout", "decoder_dropout") if getattr(self, n)}

    @property
    def hyper(self) -> dict[str, float]:
        """Numbers in which cases of one program may differ."""
        own = {"kl": self.beta, "learning_rate": self.learning_rate, "momentum": self.momentum}
        return own | self.rates


def make_variants(config: Config) -> dict[str, Variant]:
    """The cases asked for, by name."""
    own = {field.name for field in fields(Variant)} - {field.name for field in fields(study.Variant)}
    base = Variant(**{name: getattr(config, name) for name in own})
    variants = {}
    for name in config.variants:
        change = CHANGES[name]
        more = {field: getattr(base, field) + number for field, number in change.more.items()}
        times = {field: factor * getattr(base, field) for field, factor in change.times.items()}
        words = {"note": change.note, "before": change.before, "change": change.change}
        changed: dict[str, Any] = {**change.fields, **more, **times, **words}
        variants[name] = replace(base, **changed)
    return variants


def make_model(experiment: study.Experiment, variant: Variant) -> models.DropoutVAE:
    """The network of a case."""
    return models.DropoutVAE(
        experiment.image_shape,
        (variant.latent_size,),
        WIDTHS[: variant.layers],
        encoder_dropout=variant.encoder_dropout,
        decoder_dropout=variant.decoder_dropout,
        layout=experiment.layout,
    )


def make_training(experiment: study.Experiment, variants: dict[str, Variant]) -> study.Training:
    """How the cases of one program train."""
    first, own = next(iter(variants.values())), {n: make_model(experiment, v) for n, v in variants.items()}
    model = next(iter(own.values()))
    return study.Training(
        model=model,
        terms={"bce": losses.reconstruction("bernoulli"), "kl": losses.kl(models.own_priors(model))},
        weights={"bce": 1.0, "kl": 1.0},
        optimizer=train.tunable(first.optimizer),
        tuned=train.TUNABLE,
        arguments=tuple(first.rates),
        variants={name: variant.hyper for name, variant in variants.items()},
        models=own,
        epochs=first.epochs,
    )


def run(
    experiment: study.Experiment,
    config: Config,
    classifier: study.FeatureClassifier,
    inception: evaluate.Inception | None,
) -> study.Section:
    """Trains, measures and shows the cases."""
    variants = make_variants(config)
    trained = experiment.train_variants(variants, partial(make_training, experiment))
    measures = study.AutoencoderMeasures(
        experiment, config, classifier, inception, inception_samples=config.fid_samples
    )
    table = experiment.table(trained, measures, COLUMNS, caption=measures.words)
    words = verdict(table)
    return study.Section(
        tables=[table],
        blocks=make_blocks(experiment, table, variants, study.first_runs(trained), words),
        summary={"classifier_accuracy": classifier.accuracy, **measures.protocol},
        words=words,
    )
