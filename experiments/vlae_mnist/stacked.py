"""The ladder beside stacks of latents, all trained on the evidence lower bound: what does each level know?"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import jax
import numpy as np
from typing_extensions import override

from experiments.vlae_mnist.config import Config
from experiments.vlae_mnist.ladder import kl_weight, make_model
from experiments.vlae_mnist.measures import (
    alone,
    alone_columns,
    level_evaluator,
    measure_samples,
)
from jaxvae import evaluate, losses, models, report, study, train
from jaxvae.images import as_floats
from jaxvae.run import Run

INTRO = (
    "A ladder and two stacks, trained on the evidence lower bound. In a stack each level is a variational autoencoder "
    "of the level below, and only the bottom level is decoded into the image; in a ladder the decoder sees all levels. "
    "The report says that in a stack the bottom level alone suffices and the others are ignored: the table shows the "
    "nats that each level carries, and what is left of an image that is decoded from one level alone."
)
_SHOWN = 12


@dataclass(frozen=True, kw_only=True)
class Variant(study.Variant):
    """A way of arranging levels, of these sizes, bottom first."""

    arrangement: str
    latent_sizes: tuple[int, ...]

    @property
    @override
    def program(self) -> str:
        return "-".join([self.arrangement, *map(str, self.latent_sizes)])


def make_variants(config: Config) -> dict[str, Variant]:
    """The ladder, a stack of as many and as large levels, and one whose bottom is as large as all of them."""
    sizes = config.model.latent_sizes
    wide = (sum(sizes), *sizes[1:])
    return {
        "ladder": Variant(arrangement="ladder", latent_sizes=sizes, note=f"Levels of {_words(sizes)}."),
        "stack": Variant(arrangement="stack", latent_sizes=sizes, note=f"Levels of {_words(sizes)}."),
        "stack, wide bottom": Variant(
            arrangement="stack", latent_sizes=wide, note=f"Levels of {_words(wide)}, bottom first."
        ),
    }


def _words(sizes: tuple[int, ...]) -> str:
    return f"{', '.join(map(str, sizes))} dimensions"


def make_program(
    config: Config, experiment: study.Experiment, variants: Mapping[str, Variant]
) -> study.Training:
    """How a variant trains: reconstruction + KL, whose weight rises over the first epochs if the flags say so."""
    (name, variant), *_ = variants.items()
    if variant.arrangement == "ladder":
        model: models.Autoencoder = make_model(config, experiment)
    else:
        sizes, widths, hidden = variant.latent_sizes, config.model.widths, config.model.hidden
        model = models.HierarchicalVAE(
            experiment.image_shape,
            sizes,
            widths,
            hidden,
            max(1, hidden // 2),
            layout=experiment.layout,
        )
    rate = train.schedule(config.learning_rate, steps=experiment.steps(), final=0.02)
    return study.Training(
        model=model,
        terms={
            "reconstruction": losses.reconstruction("bernoulli"),
            "kl": losses.kl(models.own_priors(model)),
        },
        weights={"reconstruction": 1.0, "kl": kl_weight(1.0, config, experiment)},
        optimizer=train.adam(rate, clip_norm=config.clip_norm),
        variants={name: {}},
        ema_decay=config.ema,
    )


class LevelMeasures(study.Measuring):
    """Reconstructions, samples and the information of each level."""

    def __init__(
        self, experiment: study.Experiment, config: Config, classifier: study.FeatureClassifier
    ) -> None:
        super().__init__(experiment, {"samples": config.samples})
        self._classifier, self._samples = classifier, config.samples
        self._evaluator = study.ByModel(self._make)

    def _make(self, model: models.Autoencoder) -> evaluate.Evaluator:
        return evaluate.combine(
            evaluate.reconstruction_evaluator(study.forward(model)), level_evaluator(model, self._classifier)
        )

    @override
    def measure(self, run: Run) -> dict[str, float]:
        experiment, model = self.experiment, run.autoencoder
        found = self._evaluator(model)(run.evaluation_key, run.variables, experiment.batches)
        posteriors = run.encode(experiment.test_set.images)
        kl = sum(found[f"kl_z{level}"] for level, _ in enumerate(posteriors, start=1))
        active = {
            f"active_units_z{level}": float(evaluate.active_units(q))
            for level, q in enumerate(posteriors, start=1)
        }
        samples = measure_samples(run, experiment, self._classifier, samples=self._samples)
        return {
            **found,
            **active,
            "kl": kl,
            "elbo": -(found["bce"] + kl),
            **samples,
            "parameters": run.parameters,
        }


def from_levels(run: Run, images: np.ndarray) -> dict[str, np.ndarray]:
    """Reconstructions from the posterior means of all levels and of each level alone."""
    model = run.autoencoder
    codes = tuple(q.mean for q in run.encode(images))
    drawn = models.draw(jax.random.key(0), model.priors, len(images))
    stacked = isinstance(model, models.HierarchicalVAE)
    rows = {"all levels": np.asarray(run.decode(codes))}
    for level in range(1, len(codes) + 1):
        rows[f"z{level} alone"] = np.asarray(run.decode(alone(level, codes, drawn, stacked=stacked)))
    return rows


def run(config: Config) -> None:
    """Trains ladder and stacks, measures them and writes the report."""
    variants = make_variants(config)
    experiment = study.Experiment.open("vlae_mnist", config, parts=study.parts(variants), least=2)
    classifier = study.train_feature_classifier(experiment, epochs=config.classifier_epochs)
    trained = experiment.train_variants(variants, partial(make_program, config, experiment))
    measures = LevelMeasures(experiment, config, classifier)
    whole = report.columns("bce", "kl", "elbo", "ssim", "sure", "classifier_fid", "parameters")
    table = experiment.table(trained, measures, whole, caption=measures.words)
    count = len(config.model.latent_sizes)
    columns = [*alone_columns(count), *report.family("active_units_z{}", range(1, count + 1))]
    levels = report.Table(rows=table.rows, columns=columns, caption="Level by level")
    runs, images = study.first_runs(trained), experiment.test_set.images[:_SHOWN]
    pictures = [
        experiment.picture(
            f"levels_{name.replace(', ', '_').replace(' ', '_')}",
            report.comparison([("original", as_floats(images)), *from_levels(run, images).items()]),
            f"The first {experiment.measured_on} and what {name} decodes from all levels and from each alone.",
        )
        for name, run in runs.items()
    ]
    samples = report.comparison(
        [(name, np.asarray(run.sample(2 * _SHOWN))) for name, run in runs.items()], columns=_SHOWN
    )
    blocks: list[report.Block] = [
        table,
        levels,
        report.Heading("One level at a time"),
        *pictures,
        experiment.picture("samples", samples, "Random samples from each model's prior."),
    ]
    experiment.publish(
        title="A variational ladder autoencoder beside stacks of latents",
        intro=INTRO,
        tables=[table, levels],
        blocks=blocks,
        curves=report.columns("reconstruction", "kl"),
        summary={"classifier_accuracy": classifier.accuracy, **measures.protocol},
    )
