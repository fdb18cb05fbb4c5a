"""Chapter two: plain autoencoders beside VAEs, and the gap between codes that a model has and those that are drawn."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from typing_extensions import override

import jaxvae
from experiments.conv_vae_mnist.cases import Variant, change_base, make_training
from experiments.conv_vae_mnist.config import AUTOENCODERS, Config
from jaxvae import evaluate, models, report, study
from jaxvae.images import as_floats

SAMPLERS: Mapping[str, str] = {"prior": "the prior", "gaussian": "one Gaussian", "mixture": "a mixture"}
"""Where codes are drawn from, and how the page calls it; the latter two are fitted to the codes of training images."""
PAIRS = 6
STEPS = 10
"""Lines of interpolations that are shown, and images of each."""

COLUMNS = [
    *report.columns("bce", "ssim"),
    *report.family("classifier_fid_{}", SAMPLERS),
    report.Column(
        key="prior_gap",
        title="Gap that the prior leaves",
        digits=1,
        better="lower",
        note="Classifier FID of samples from the prior less that of samples from the mixture.",
    ),
    *report.columns("two_sample"),
    report.Column(
        key="whitened_holes",
        title="Holes",
        better="lower",
        note="Share of draws from a Gaussian of the codes' own mean and covariance that are unusually far from any "
        "code; 0.05 if the codes are distributed like it.",
    ),
    report.Column(
        key="sure_ends",
        title="Sure reconstructions",
        better="higher",
        note="Share of reconstructions that the classifier is sure of.",
    ),
    report.Column(
        key="sure_midway",
        title="Sure midway",
        better="higher",
        note="Share of images decoded halfway between the codes of two images that the classifier is sure of.",
    ),
]


def make_variants(config: Config) -> dict[str, Variant]:
    """The models that are compared, by name."""
    chosen = {name: AUTOENCODERS[name] for name in config.autoencoders}
    return change_base(config, chosen, prefix="autoencoder")


class GapMeasures(study.Measuring):
    """Measures what a model makes of codes that it has and of codes that are drawn.

    Args:
        experiment: the run.
        classifier: compares samples with images, and says which images are sure.
        samples: images drawn from each sampler.
    """

    def __init__(
        self, experiment: study.Experiment, classifier: study.FeatureClassifier, *, samples: int
    ) -> None:
        super().__init__(
            experiment,
            {"gap_samples": samples, "classifier_accuracy": classifier.accuracy, "sure": study.SURE},
        )
        self._classifier, self._samples = classifier, samples
        self._real = classifier.moments(experiment.test_set.images[:samples])

    @property
    @override
    def words(self) -> str:
        return (
            f"{super().words}; distances are of {self._samples:,} samples to them, in a classifier that is right about "
            f"{self._classifier.accuracy:.2%} of them and counts as sure from a probability of {study.SURE:g} on"
        )

    @override
    def measure(self, run: jaxvae.Run) -> dict[str, float]:
        evaluator = evaluate.reconstruction_evaluator(study.forward(run.model))
        values = dict(evaluator(run.evaluation_key, run.variables, self.experiment.batches))
        (posterior,) = run.encode(self.experiment.test_set.images)
        draws, prior_key, reference_key, test = jax.random.split(run.evaluation_key, 4)
        codes = models.reparameterize(draws, posterior, jnp.arange(len(posterior.mean)))
        (prior,) = models.normal_priors(run.autoencoder)
        drawn, reference = prior.sample(prior_key, len(codes)), prior.sample(reference_key, len(codes))
        values |= {
            "two_sample": evaluate.two_sample_accuracy(test, codes, drawn),
            "whitened_holes": evaluate.holes(jnp.asarray(whiten(np.asarray(codes))), drawn, reference),
            "sure_ends": self._classifier.share_sure(np.asarray(run.decode((posterior.mean,)))),
            "sure_midway": self._classifier.share_sure(
                np.asarray(run.decode((midway(np.asarray(posterior.mean)),)))
            ),
        }
        for name in SAMPLERS:
            images = np.asarray(run.sample(self._samples, seed=run.seed, sampler=self.sampler(run, name)))
            distance = evaluate.frechet_distance(self._classifier.moments(images), self._real)
            values[f"classifier_fid_{name}"] = distance
        return values | {"prior_gap": values["classifier_fid_prior"] - values["classifier_fid_mixture"]}

    def sampler(self, run: jaxvae.Run, name: str) -> study.Sampler:
        """One of `SAMPLERS` for a model."""
        if name == "prior":
            return study.make_sampler(name, run)
        components, images = 1 if name == "gaussian" else 10, self.experiment.train_set.images
        return study.make_sampler("mixture", run, images, seed=run.seed, components=components)


def whiten(codes: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    """Codes moved, turned and stretched to mean 0 and covariance 1, so that only their form is left."""
    centred = codes.astype(np.float64) - codes.mean(axis=0, dtype=np.float64)
    variances, axes = np.linalg.eigh(centred.T @ centred / len(codes))
    return (centred @ axes / np.sqrt(np.maximum(variances, 1e-12))).astype(np.float32)


def midway(codes: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    """The middle between each code and the next one, the first after the last."""
    return (codes + np.roll(codes, -1, axis=0)) / 2


def run(experiment: study.Experiment, config: Config, classifier: study.FeatureClassifier) -> study.Section:
    """Trains autoencoders and VAEs, measures both, and shows samples and interpolations."""
    trained: dict[str, study.Trained] = {}
    for part, group in study.programs(make_variants(config)).items():
        trained |= experiment.train(make_training(experiment, group), part=part, seeds=config.repeated_seeds)
    measures = GapMeasures(experiment, classifier, samples=config.samples)
    table = experiment.table(trained, measures, COLUMNS, caption=measures.words)
    words = " ".join(describe(table))
    return study.Section(
        tables=[table],
        blocks=[
            report.Heading("Autoencoders beside VAEs"),
            table,
            report.Paragraph(words),
            *make_blocks(experiment, measures, study.first_runs(trained)),
        ],
        summary=measures.protocol,
        words=words,
    )


def describe(table: report.Table) -> list[str]:
    """Whether the VAE is better than the autoencoder of its size, by each measure of gaps."""
    keys = ("prior_gap", "classifier_fid_prior", "classifier_fid_mixture", "whitened_holes", "sure_midway")
    columns = [column for column in table.columns if column.key in keys]
    pairs = [("autoencoder", "VAE"), ("autoencoder, 5-D", "VAE, 5-D")]
    return [
        text
        for pair in pairs
        for column in columns
        for text in report.compare_means(table.rows, pair, column)
    ]


def make_blocks(
    experiment: study.Experiment, measures: GapMeasures, runs: Mapping[str, jaxvae.Run]
) -> list[report.Block]:
    """Samples from the prior and from the mixture, interpolations, and codes in the plane, of the first seed."""
    test = experiment.test_set
    samples, lines, planes = [], [], []
    for name, each in runs.items():
        for sampler in ("prior", "mixture"):
            images = each.sample(32, seed=each.seed, sampler=measures.sampler(each, sampler))
            samples.append((f"{name}, from {SAMPLERS[sampler]}", np.asarray(images)))
        pairs = [
            (as_floats(test.images[i : i + 1]), as_floats(test.images[i + 1 : i + 2])) for i in range(PAIRS)
        ]
        lines.append((name, np.concatenate([np.asarray(each.interpolate(*pair, STEPS)) for pair in pairs])))
        (posterior,) = each.encode(test.images)
        planes.append((name, np.asarray(posterior.mean)))
    figures = {
        "autoencoder_samples": (
            report.comparison(samples, columns=16),
            "Samples of each model, codes drawn from the prior and from ten Gaussians fitted to its codes.",
        ),
        "autoencoder_interpolations": (
            report.comparison(lines, columns=2 * STEPS),
            f"From the reconstruction of one image to that of the next in {STEPS} steps, two such lines side by side.",
        ),
        "autoencoder_codes": (
            report.embedding(planes, test.labels, class_names=experiment.class_names),
            "Posterior means by class; circles are one and two standard deviations of the prior.",
        ),
    }
    return [experiment.picture(name, figure, caption) for name, (figure, caption) in figures.items()]
