"""The adversarial autoencoder: how codes fill three priors, beside a VAE's, and which digits their parts become."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from experiments.vae_gan_hybrids.aae_measures import Measures
from experiments.vae_gan_hybrids.aae_page import make_blocks, make_tables, verdict
from jaxvae import cli, data, losses, models, study, train

MOST_CLASSES = 10
"""For which the figures have colours."""

INTRO = (
    "Autoencoders whose codes a discriminator, rather than a KL divergence, brings to a prior: a Gaussian, a ring of "
    "Gaussians, a Swiss roll; and to a part of it for each class where the discriminator is given labels."
)

RECONSTRUCTION = losses.reconstruction("bernoulli")


@dataclass(frozen=True, kw_only=True)
class Variant(study.Variant):
    """What sets a model apart.

    Attributes:
        prior: of its codes, a name in `jaxvae.models.PRIORS`.
        adversarial: whether a discriminator brings the codes to the prior, or else the KL divergence.
        informed: whether the discriminator is given labels, so that each class gets its part of the prior.
        regularization_factor: weight of the adversarial loss, in that of the priors with gaps. The Gaussian, which has
            none, is filled at less cost in reconstruction.
    """

    prior: str
    adversarial: bool
    informed: bool = False
    regularization_factor: float = 1.0

    @property
    def program(self) -> str:
        """Every variant has a program of its own."""
        return "_".join(
            ["aae" if self.adversarial else "vae", self.prior, *(["labels"] if self.informed else [])]
        )


VARIANTS: Mapping[str, Variant] = {
    "VAE, Gaussian": Variant(prior="normal", adversarial=False, note="KL divergence in closed form."),
    "AAE, Gaussian": Variant(prior="normal", adversarial=True, regularization_factor=2.0),
    "VAE, ring": Variant(prior="ring", adversarial=False, note="KL divergence by Monte Carlo."),
    "AAE, ring": Variant(prior="ring", adversarial=True),
    "VAE, Swiss roll": Variant(prior="swiss_roll", adversarial=False, note="KL divergence by Monte Carlo."),
    "AAE, Swiss roll": Variant(prior="swiss_roll", adversarial=True),
    "AAE, ring, labels": Variant(
        prior="ring",
        adversarial=True,
        informed=True,
        note="Each mode is asked to be one class.",
    ),
    "AAE, Swiss roll, labels": Variant(
        prior="swiss_roll",
        adversarial=True,
        informed=True,
        note="Each stretch is asked to be one class.",
    ),
}


@dataclass(frozen=True, kw_only=True)
class AAEConfig(cli.RunConfig):
    """Flags of the adversarial autoencoder; those of networks and losses hold for every variant that has them."""

    workdir: Path = Path("runs/vae_gan_hybrids_aae")
    """Directory for everything that the run leaves."""

    variants: tuple[str, ...] = tuple(VARIANTS)
    """What to train, by name."""

    epochs: int = 16
    """Passes over the training data."""

    batch_size: int = 100
    """Examples in a batch, over all devices."""

    seeds: int = 3
    """How many seeds to train side by side."""

    widths: tuple[int, ...] = (16, 32, 64)
    """Channels of the encoder's convolutions, each of which halves the image; the decoder mirrors them."""

    hidden: tuple[int, ...] = (256, 256)
    """Sizes of the discriminator's hidden layers."""

    gaussian: bool = False
    """Give the adversarial autoencoders a Gaussian encoder, as the VAEs have one, in place of a deterministic one."""

    game: Literal["minimax", "non_saturating", "least_squares", "hinge", "wasserstein"] = "non_saturating"
    """Losses of the discriminator and of the encoder that fools it."""

    smoothing: float = 0.0
    """What the discriminator's target for draws from the prior lacks of 1."""

    penalty: float = 0.0
    """Weight of the discriminator's gradient penalty; "wasserstein" needs one, such as 10."""

    regularization: float = 40.0
    """Weight of the encoder's adversarial loss beside the reconstruction, both in nats; large ones cost
    reconstruction, small ones leave holes. Twice as large for the Gaussian."""

    learning_rate: float = 2e-3
    """Step size of encoder and decoder at the start, which falls along a half cosine."""

    discriminator_rate: float = 1e-2
    """Step size of the discriminator at the start, which falls likewise."""

    unlabelled: float = 0.0
    """Share of the training images whose labels are hidden from the variants with labels."""

    classifier_epochs: int = 5
    """Passes over the training data for the classifier that measures images."""

    samples: int = cli.free(10_000)
    """Images drawn from each model for its classifier FID and for the labels of its modes."""

    least_diversity: float = cli.free(0.5)
    """A model whose samples are less diverse than this share of the data's diversity is reported as collapsed."""

    def __post_init__(self) -> None:
        """Refuses unknown variants, and numbers that make no run."""
        super().__post_init__()
        self.require_known("variants", VARIANTS)
        losses.adversarial(self.game, smoothing=self.smoothing)
        self.require_positive("learning_rate", "discriminator_rate", "regularization")
        self.require_non_negative("least_diversity")
        if not 0 <= self.penalty < math.inf or (self.game == "wasserstein" and not self.penalty):
            raise ValueError(
                f"penalty must be finite, at least 0, and more than 0 for wasserstein, got {self.penalty}."
            )
        if not 0 <= self.unlabelled < 1:
            raise ValueError(f"the share of unlabelled images must be in [0, 1), got {self.unlabelled}.")
        if self.samples < 2 or self.classifier_epochs < 1:
            raise ValueError(
                "there must be at least 2 samples and 1 classifier epoch, "
                f"got {self.samples} and {self.classifier_epochs}."
            )


PRESETS = cli.presets(
    AAEConfig,
    smoke={
        "data": "drawn",
        "image_size": 16,
        "variants": ("VAE, ring", "AAE, ring", "AAE, Swiss roll, labels"),
        "epochs": 80,
        "batch_size": 60,
        "seeds": 1,
        "widths": (8, 16),
        "hidden": (64, 64),
        "classifier_epochs": 20,
        "samples": 120,
    },
)


def main(config: AAEConfig) -> None:
    """Trains the variants, measures them, and writes the report."""
    variants = {name: VARIANTS[name] for name in config.variants}
    experiment = study.Experiment.open("vae_gan_hybrids", config, parts=study.parts(variants), least=12)
    check(experiment, config, variants)
    classifier = study.train_feature_classifier(experiment, epochs=config.classifier_epochs)
    trained = experiment.train_variants(variants, partial(make_training, experiment, config))
    measures = Measures(experiment, classifier, samples=config.samples)
    standing = study.without_collapsed(trained, measures, least=config.least_diversity)
    tables = make_tables(experiment, standing, measures)
    experiment.publish(
        title="Adversarial autoencoders",
        intro=INTRO,
        tables=tables,
        blocks=make_blocks(experiment, tables, study.first_runs(standing), measures),
        summary=measures.protocol,
        words=verdict(tables[0].rows),
    )


def check(experiment: study.Experiment, config: AAEConfig, variants: Mapping[str, Variant]) -> None:
    """Refuses what could not be trained or measured, before anything is written.

    Raises:
        ValueError: a chain of layers that makes no network, or images without classes or of too many.
    """
    for variant in variants.values():
        make_model(experiment, config, variant)
    classes = len(experiment.class_names)
    if not 2 <= classes <= MOST_CLASSES:
        raise ValueError(
            f"aae needs images of 2 to {MOST_CLASSES} classes, got {classes} of {experiment.train_set.spec.name!r}; "
            "choose some with --classes."
        )


def make_model(experiment: study.Experiment, config: AAEConfig, variant: Variant) -> models.AAE:
    """The network of a variant; a VAE leaves the discriminator untrained."""
    return models.AAE(
        experiment.image_shape,
        2,
        config.widths,
        config.hidden,
        variant.prior,
        max(len(experiment.class_names), 1),
        gaussian=config.gaussian or not variant.adversarial,
        informed=variant.informed,
        layout=experiment.layout,
    )


def make_game(config: AAEConfig, variant: Variant, *, steps: int) -> study.Game:
    """Encoder and decoder, which reconstruct and regularize in one update, and the discriminator."""
    terms, weights = losses.wae_gan_players(
        losses.adversarial(config.game, smoothing=config.smoothing),
        RECONSTRUCTION,
        weight=variant.regularization_factor * config.regularization,
        penalty=config.penalty,
    )
    rate, discriminator = (
        train.schedule(peak, steps=steps) for peak in (config.learning_rate, config.discriminator_rate)
    )
    players = {
        "autoencoder": train.Player(("encoder", "decoder"), train.adam(rate)),
        "discriminator": train.Player(("discriminator",), train.adversarial_adam(discriminator)),
    }
    return study.Game(terms=terms, weights=weights, players=players, label="label")


def make_training(
    experiment: study.Experiment, config: AAEConfig, variants: dict[str, Variant]
) -> study.Training:
    """How a variant trains: a game with a discriminator, or the evidence lower bound."""
    ((name, variant),) = variants.items()
    model = make_model(experiment, config, variant)
    if variant.adversarial:
        return study.Training(
            model=model,
            game=make_game(config, variant, steps=experiment.steps()),
            variants={name: {}},
            source=with_hidden_labels(experiment, config) if variant.informed else None,
        )
    terms = {"reconstruction": RECONSTRUCTION, "kl": losses.kl(models.own_priors(model))}
    return study.Training(
        model=model,
        terms=terms,
        weights=dict.fromkeys(terms, 1.0),
        optimizer=train.adam(train.schedule(config.learning_rate, steps=experiment.steps())),
        variants={name: {}},
    )


def with_hidden_labels(experiment: study.Experiment, config: AAEConfig) -> data.Source:
    """The training images, of which a share has no labels."""
    if not config.unlabelled:
        return experiment.source
    dataset = data.hide_labels(experiment.train_set, config.unlabelled, seed=config.seed)
    return data.serve(dataset, batch_size=config.batch_size, remainder=config.remainder)
