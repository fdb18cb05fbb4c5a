"""Chapter one: the twelve cases, trained side by side where their networks do the same work, and measured."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float
from typing_extensions import override

import jaxvae
from experiments.conv_vae_mnist.cases_page import COLUMNS, make_blocks, verdict
from experiments.conv_vae_mnist.config import CHANGES, FURTHER, Change, Config
from jaxvae import evaluate, losses, models, study, train
from jaxvae.types import Term

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
        gaussian: whether the code has noise; without it there is no KL divergence.
        optimizer: "adam" or "sgd".
        momentum: of the optimizer.
        learning_rate: of the optimizer.
        epochs: passes over the training data.
        prefix: of its program's name, which tells chapters apart.
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
    gaussian: bool = True
    prefix: str = "cases"

    @property
    def program(self) -> str:
        """Cases that do the same work at each step share a program."""
        dropped = [side for side in ("encoder", "decoder") if getattr(self, f"{side}_dropout")]
        dropout = ["dropout", *dropped] if dropped else []
        sizes = (f"{self.latent_size}d", f"{self.layers}layers", self.optimizer, f"{self.epochs}epochs")
        noise = [] if self.gaussian else ["deterministic"]
        return "-".join([self.prefix, *sizes, *dropout, *noise])

    @property
    def rates(self) -> dict[str, float]:
        """Dropout rates that the network is given as arguments."""
        return {n: getattr(self, n) for n in ("encoder_dropout", "decoder_dropout") if getattr(self, n)}

    @property
    def hyper(self) -> dict[str, float]:
        """Numbers in which cases of one program may differ."""
        own = {"learning_rate": self.learning_rate, "momentum": self.momentum}
        return own | self.rates | ({"kl": self.beta} if self.gaussian else {})


def make_variants(config: Config) -> dict[str, Variant]:
    """The cases asked for, by name."""
    known = {**CHANGES, **FURTHER}
    return change_base(config, {name: known[name] for name in config.variants})


def change_base(
    config: Config, changes: Mapping[str, Change], *, prefix: str = "cases"
) -> dict[str, Variant]:
    """The base case changed, by name."""
    own = {field.name for field in fields(Variant)} & {field.name for field in fields(config)}
    base = Variant(**{name: getattr(config, name) for name in own}, prefix=prefix)
    variants = {}
    for name, change in changes.items():
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
        gaussian=variant.gaussian,
        layout=experiment.layout,
    )


def make_training(experiment: study.Experiment, variants: dict[str, Variant]) -> study.Training:
    """How the cases of one program train."""
    first, own = next(iter(variants.values())), {n: make_model(experiment, v) for n, v in variants.items()}
    model = next(iter(own.values()))
    terms: dict[str, Term] = {"bce": losses.reconstruction("bernoulli")}
    if first.gaussian:
        terms["kl"] = losses.kl(models.own_priors(model))
    return study.Training(
        model=model,
        terms=terms,
        weights=dict.fromkeys(terms, 1.0),
        optimizer=train.tunable(first.optimizer),
        tuned=train.TUNABLE,
        arguments=tuple(first.rates),
        variants={name: variant.hyper for name, variant in variants.items()},
        models=own,
        epochs=first.epochs,
    )


def plane_codes(prior: models.Normal, n: int, *, seed: int) -> tuple[Float[np.ndarray, "n d"], ...]:
    """Draws of the prior's first two dimensions near its mean and far from it; the others are at the mean.

    Args:
        prior: of two dimensions or more.
        n: how many of each.
        seed: of the draws.

    Returns:
        Codes within one standard deviation of the mean, and codes beyond two.
    """
    rng = np.random.default_rng(seed)
    share, angle = rng.uniform(size=n), rng.uniform(0, 2 * np.pi, n)
    # Of a Gaussian in the plane, exp(-r^2 / 2) is the share beyond the radius r.
    radii = np.sqrt(-2 * np.log(1 - share * (1 - np.exp(-0.5)))), np.sqrt(4 - 2 * np.log(1 - share))
    codes = np.full((2, n, prior.dim), prior.loc, np.float32)
    for far, radius in enumerate(radii):
        codes[far, :, :2] += prior.scale * np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return tuple(codes)


class CaseMeasures(study.AutoencoderMeasures):
    """As `jaxvae.study.AutoencoderMeasures`, and how good the plane is at its centre and its edge.

    Args:
        experiment: the run.
        config: its flags.
        classifier: says which images are sure.
        inception: computes "fid"; without it there is none.
    """

    def __init__(
        self,
        experiment: study.Experiment,
        config: Config,
        classifier: study.FeatureClassifier,
        inception: evaluate.Inception | None,
    ) -> None:
        super().__init__(experiment, config, classifier, inception, inception_samples=config.fid_samples)
        self._judge, self._drawn = classifier, config.samples

    @override
    def measure(self, run: jaxvae.Run) -> dict[str, float]:
        metrics = super().measure(run)
        (prior,) = models.normal_priors(run.autoencoder)
        if prior.dim > 1:
            for place, codes in zip(
                ("centre", "edge"), plane_codes(prior, self._drawn, seed=run.seed), strict=True
            ):
                metrics[f"sure_{place}"] = self._judge.share_sure(np.asarray(run.decode((codes,))))
        return metrics


def run(
    experiment: study.Experiment,
    config: Config,
    classifier: study.FeatureClassifier,
    inception: evaluate.Inception | None,
) -> study.Section:
    """Trains, measures and shows the cases."""
    variants = make_variants(config)
    trained = experiment.train_variants(variants, partial(make_training, experiment))
    measures = CaseMeasures(experiment, config, classifier, inception)
    table = experiment.table(trained, measures, COLUMNS, caption=measures.words)
    words = verdict(table)
    return study.Section(
        tables=[table],
        blocks=make_blocks(experiment, table, variants, study.first_runs(trained), words),
        summary={"classifier_accuracy": classifier.accuracy, **measures.protocol},
        words=words,
    )
