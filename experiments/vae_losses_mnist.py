"""Priors, reconstruction losses and initializations of a small VAE on MNIST, compared by FID.

Reproduces the report "Variational Autoencoders" (S. Datta): nine models of one architecture, the perceptual network
that some of them are trained with, and the table of their FIDs. Variants whose networks do the same work train side by
side in one program. The second command trains three more, from the report's list of what else one could do.

    python -m experiments.vae_losses_mnist
    python -m experiments.vae_losses_mnist --variants BCE beta denoising skip --workdir runs/vae_losses_mnist_more
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from jaxvae import cli, data, evaluate, losses, models, report, study, train
from jaxvae.types import Term

DISTANCES = ("N(0, 1)", "N(1, 2)", "BCE", "MSE", "MAE")
REPORTED = (*DISTANCES, "perceptual", "perceptual + BCE", "perceptual + MSE", "10-D BCE")
FURTHER = ("beta", "denoising", "skip")


@dataclass(frozen=True, kw_only=True)
class Config(cli.StudyConfig):
    """Flags of this experiment."""

    workdir: Path = Path("runs/vae_losses_mnist")
    """Directory for everything that the run leaves."""

    variants: tuple[str, ...] = REPORTED
    """What to train and compare, by name: the models of the report, and beta, denoising, skip."""

    epochs: int = 15
    """Passes over the training data."""

    learning_rate: float = 1e-4
    """Adam's step size."""

    perceptual_weight: float = 0.01
    """Weight of the perceptual term where it is paired with another."""

    beta: float = 4.0
    """Weight of the KL divergence in the variant of that name."""

    noise: float = 0.3
    """Standard deviation of the noise on the inputs in the variant "denoising"; pixels are in [0, 1]."""

    def __post_init__(self) -> None:
        """Refuses unknown variants, and numbers that make no run."""
        super().__post_init__()
        self.require_known("variants", (*REPORTED, *FURTHER))
        self.require_positive("learning_rate", "perceptual_weight", "beta", "noise")


PRESETS = cli.presets(
    Config,
    smoke={
        "variants": ("N(0, 1)", "MAE", "perceptual + BCE", "10-D BCE"),
        "limit": 1000,
        "epochs": 2,
        "learning_rate": 1e-3,
        "classifier_epochs": 1,
        "samples": 16,
        "bound_samples": 5,
    },
)

INTRO = (
    "Variational autoencoders of one architecture that differ in prior, reconstruction loss, initialization and size "
    "of the code, after a report that ranks them by FID. Its values stand beside ours. They are of one seed and of "
    "another Inception network, torchvision's: orders and ratios compare, values do not."
)

PRIORS = (
    "N(1, 2) is the prior of mean 1 and standard deviation 2 in every dimension, of all models but N(0, 1)"
)

SAMPLES = report.columns("sharpness_ratio", "effective_classes", "class_coverage", "sure")

CLAIMS: tuple[tuple[str, str, str, str, report.Goal], ...] = (
    ("MSE's samples are blurrier than BCE's", "BCE", "MSE", "sharpness_ratio", "lower"),
    ("MAE's samples are sharper", "BCE", "MAE", "sharpness_ratio", "higher"),
    ("MAE's are less varied", "BCE", "MAE", "class_coverage", "lower"),
    (
        "the perceptual loss beside BCE varies samples more",
        "BCE",
        "perceptual + BCE",
        "class_coverage",
        "higher",
    ),
    ("beside MSE, too", "MSE", "perceptual + MSE", "class_coverage", "higher"),
    (
        "but beside MSE they are more blurred",
        "perceptual + BCE",
        "perceptual + MSE",
        "sharpness_ratio",
        "lower",
    ),
)
"""What the report says of samples: the sentence, two models, the measure, and which way it changes from the first."""


@dataclass(frozen=True, kw_only=True)
class Variant(study.Variant):
    """What sets a model apart: weights of its loss (all others are 0), the report's FID, prior, network and inputs."""

    weights: Mapping[str, float] = field(kw_only=False)
    fid: float | None = field(default=None, kw_only=False)
    prior: tuple[float, float] = (1.0, 2.0)
    initialization: str = "kaiming_normal"
    latent_size: int = 2
    skip: bool = False
    kl: float = 1.0
    noise: float = 0.0
    before: str = "BCE"

    @property
    def program(self) -> str:
        """Variants that do the same work at each step share a program."""
        extras = {"perceptual": "perceptual" in self.weights, "skip": self.skip, "noise": self.noise > 0}
        return "-".join([f"{self.latent_size}d", *(name for name, used in extras.items() if used)])

    @property
    def kl_name(self) -> str:
        """Name of the KL divergence from the variant's prior among the terms of its program."""
        return f"kl_{self.prior[0]:g}_{self.prior[1]:g}"


def make_variants(config: Config) -> dict[str, Variant]:
    """The variants asked for, by name."""
    bce, mse, weight = {"bce": 1.0}, {"squared_error": 1.0}, {"perceptual": config.perceptual_weight}
    beta, noise = config.beta, config.noise
    every = {
        "N(0, 1)": Variant(bce, 131.7012, prior=(0.0, 1.0), initialization="pytorch"),
        "N(1, 2)": Variant(bce, 132.0186, initialization="pytorch", before="N(0, 1)", change="Another prior"),
        "BCE": Variant(
            bce, 150.64744, before="N(1, 2)", change="Kaiming's initialization instead of PyTorch's"
        ),
        "MSE": Variant(mse, 143.3465, change="Squared error as loss"),
        "MAE": Variant({"absolute_error": 1.0}, 98.25, change="Absolute error as loss"),
        "perceptual": Variant({"perceptual": 1.0}, 323.5575, change="The perceptual loss alone"),
        "perceptual + BCE": Variant(weight | bce, 180.7325, change="The perceptual loss beside it"),
        "perceptual + MSE": Variant(
            weight | mse, 176.8897, before="MSE", change="The perceptual loss beside it"
        ),
        "10-D BCE": Variant(bce, 79.7245, latent_size=10, change="A code of 10 dimensions"),
        "beta": Variant(bce, kl=beta, note=f"KL weighs {beta:g}.", change="The weight of the KL divergence"),
        "denoising": Variant(
            bce, noise=noise, note=f"Noise of {noise:g} on inputs.", change="Noise on the inputs"
        ),
        "skip": Variant(bce, skip=True, change="The code at every stage of the decoder"),
    }
    fids = {name: {"fid": v.fid} for name, v in every.items() if v.fid and config.data == "mnist"}
    return {n: replace(v, published=fids.get(n, {})) for n, v in every.items() if n in config.variants}


def make_training(
    experiment: study.Experiment, config: Config, features: losses.Features, variants: dict[str, Variant]
) -> study.Training:
    """How the variants of one program train."""
    first = next(iter(variants.values()))
    model = models.ConvVAE(
        experiment.image_shape, first.latent_size, skip=first.skip, layout=experiment.layout
    )
    terms: dict[str, Term] = {
        "bce": losses.reconstruction("bernoulli"),
        "squared_error": losses.distance("squared"),
        "absolute_error": losses.distance("absolute"),
    }
    if "perceptual" in first.weights:
        terms["perceptual"] = losses.perceptual(features)
    for v in variants.values():
        terms[v.kl_name] = losses.kl(models.Normal(dim=v.latent_size, loc=v.prior[0], scale=v.prior[1]))
    zero = dict.fromkeys(terms, 0.0)
    return study.Training(
        model=model,
        terms=terms,
        weights=zero,
        optimizer=train.adam(config.learning_rate),
        variants={n: {**zero, **v.weights, v.kl_name: v.kl} for n, v in variants.items()},
        models={n: model.clone(prior=v.prior, initialization=v.initialization) for n, v in variants.items()},
        corrupt=partial(data.add_noise, stddev=first.noise) if first.noise else None,
    )


def check_claims(table: report.Table) -> str:
    """Whether the report's sentences about blur and variety hold of the models in a table."""
    sentences = []
    for claim, before, after, key, goal in CLAIMS:
        (column,) = report.columns(key)
        said = f"“{claim}” ({column.title.lower()}, {before} → {after})"
        verdicts = ("holds", "does not hold")
        sentences += report.compare_means(
            table.rows, (before, after), column, claim=said, goal=goal, verdicts=verdicts
        )
    return " ".join(["What the report says of samples:", *sentences]) if sentences else ""


def growth(table: report.Table) -> list[str]:
    """How many parameters ten dimensions add to those of the same model with two, if both were trained."""
    counts = {
        row.name: row.metrics["parameters"]["mean"] for row in table.rows if "parameters" in row.metrics
    }
    before, after = (counts.get(name) for name in ("BCE", "10-D BCE"))
    if not before or not after:
        return []
    return [
        f"A code of 10 dimensions takes {after:,.0f} parameters, {after / before - 1:.3%} more than one of 2, which "
        f"takes {before:,.0f}; the report says 0.546 % more than 210,821."
    ]


def main(config: Config) -> None:
    """Trains the perceptual network and all variants, measures them and writes the report."""
    variants = make_variants(config)
    experiment = study.Experiment.open("vae_losses_mnist", config, parts=study.parts(variants), least=2)
    inception = evaluate.load_inception(config.inception) if config.fid else None
    classifier = study.train_feature_classifier(experiment, epochs=config.classifier_epochs)
    make = partial(make_training, experiment, config, classifier.features)
    trained = experiment.train_variants(variants, make)
    measures = study.AutoencoderMeasures(experiment, config, classifier, inception)
    ranked = report.columns("fid", "classifier_fid", "iwae", "ssim")
    others = report.columns("fid_ratio", "kid", "elbo", "bce", "kl", "active_units", "parameters")
    caption = f"{measures.words}. {PRIORS}"
    table = experiment.table(trained, measures, [*ranked, *others], caption=caption, ratios=["fid"])
    variety = report.Table(rows=table.rows, columns=SAMPLES, caption="How sharp and how varied samples are")
    digits = report.family("found_{}", dict(enumerate(experiment.class_names)))
    found = report.Table(
        rows=table.rows, columns=digits, caption="Share of samples that surely show each class"
    )
    claims = check_claims(table)
    correlation, words = report.compare_orders(table.rows, ranked[0])
    accuracy = (
        f"The perceptual network classifies {classifier.accuracy:.2%} of the held-out images correctly."
    )
    blocks: list[report.Block] = [
        table,
        report.Paragraph(accuracy),
        *[report.Paragraph(text) for text in growth(table)],
        variety,
        *([report.Paragraph(claims)] if claims else []),
        found,
        *report.distance_blocks(experiment.workdir.figures, table.rows, ranked[:2], words=words),
        *report.contrast_blocks(study.contrasts(variants), table.rows, [*ranked, *SAMPLES]),
        *study.view_models(experiment, study.first_runs(trained)),
    ]
    experiment.publish(
        title="Priors and reconstruction losses of a VAE",
        intro=INTRO,
        tables=[table, variety, found],
        blocks=blocks,
        curves=report.columns("bce", "squared_error", "absolute_error", "kl"),
        records=[r | {"kl": r[variants[r["variant"]].kl_name]} for r in experiment.records()],
        summary={
            "classifier_accuracy": classifier.accuracy,
            "spearman_fid": correlation,
            **measures.protocol,
        },
        words="\n".join(filter(None, [words, claims])),
    )


if __name__ == "__main__":
    cli.launch(main, PRESETS, description=__doc__)
