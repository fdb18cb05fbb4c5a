"""The ladder trained with the KL divergence or with MMD, each without and with SSIM, and with the MMD of all levels."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from typing_extensions import override

from experiments.vlae_mnist.config import Config
from experiments.vlae_mnist.ladder import joint_kernel, make_model, make_training
from experiments.vlae_mnist.measures import measure_samples
from jaxvae import evaluate, losses, models, report, study
from jaxvae.images import as_floats
from jaxvae.run import Run

INTRO = (
    "One ladder, five objectives: codes are held to their prior by the KL divergence or by MMD, each without and with "
    "1 - SSIM in the loss, and once by the MMD of all levels together as well. A sample draws all levels independently "
    "of each other, and is a digit only if the decoder has seen such a combination of codes; a classifier of digits "
    "says how often it is."
)


@dataclass(frozen=True, kw_only=True)
class Variant(study.Variant):
    """An objective: what holds the codes to the prior, which decides the program, and the weight of SSIM."""

    weights: Mapping[str, float] = field(default_factory=dict)
    ssim: float = 0.0

    @property
    @override
    def program(self) -> str:
        return "-".join(self.weights)


def make_variants(config: Config) -> dict[str, Variant]:
    """The rows asked for, by name."""
    ssim, mmd = config.loss.ssim, config.loss.mmd
    kl, by_level, joint = {"kl": 1.0}, {"mmd": mmd}, {"mmd": mmd, "joint_mmd": mmd}
    warmup = f"Its weight rises over {config.loss.kl_warmup} epochs." if config.loss.kl_warmup else ""
    every = {
        "KL": Variant(weights=kl, note=warmup),
        "KL + SSIM": Variant(weights=kl, ssim=ssim, note=warmup, before="KL", change="SSIM, with KL"),
        "MMD": Variant(weights=by_level, before="KL", change="MMD for KL"),
        "MMD + SSIM": Variant(weights=by_level, ssim=ssim, before="MMD", change="SSIM, with MMD"),
        "joint MMD + SSIM": Variant(
            weights=joint, ssim=ssim, before="MMD + SSIM", change="The MMD of all levels together, too"
        ),
    }
    return {name: variant for name, variant in every.items() if name in config.variants}


def make_program(
    config: Config, experiment: study.Experiment, variants: Mapping[str, Variant]
) -> study.Training:
    """How the variants of one program train."""
    weights = next(iter(variants.values())).weights
    loss = replace(
        config.loss,
        kl=weights.get("kl", 0.0),
        mmd=weights.get("mmd", 0.0),
        joint_mmd=weights.get("joint_mmd", 0.0),
    )
    own = replace(config, loss=loss)
    training = make_training(own, experiment, make_model(own, experiment))
    return replace(
        training,
        variants={name: {"ssim_loss": variant.ssim} for name, variant in variants.items()},
        validation=None,
    )


class ObjectiveMeasures(study.Measuring):
    """Reconstructions, codes and samples of trained ladders."""

    def __init__(
        self, experiment: study.Experiment, config: Config, classifier: study.FeatureClassifier
    ) -> None:
        super().__init__(experiment, {"samples": config.samples})
        self._classifier, self._samples = classifier, config.samples
        self._kernel, self._joint = losses.rbf(*config.loss.bandwidths), joint_kernel(config)
        self._evaluator = study.ByModel(self._make)

    def _make(self, model: models.Autoencoder) -> evaluate.Evaluator:
        forward = study.forward(model)
        joint = losses.joint_mmd(models.own_priors(model), self._joint)
        return evaluate.combine(
            evaluate.reconstruction_evaluator(forward),
            evaluate.latent_evaluator(forward, kernel=self._kernel, classes=len(self.experiment.class_names)),
            evaluate.objective_evaluator(forward, losses.compose({"joint_mmd": joint}, {"joint_mmd": 1.0})),
            evaluate.sample_evaluator(lambda key, variables, n: models.sample(key, model, variables, n)),
        )

    @override
    def measure(self, run: Run) -> dict[str, float]:
        found = self._evaluator(run.autoencoder)(run.evaluation_key, run.variables, self.experiment.batches)
        kl = sum(found[f"kl_z{level}"] for level, _ in enumerate(run.autoencoder.latent_sizes, start=1))
        return {
            **found,
            "kl": kl,
            "elbo": -(found["bce"] + kl),
            **measure_samples(run, self.experiment, self._classifier, samples=self._samples),
        }


def run(config: Config) -> None:
    """Trains the rows, measures them and writes the report."""
    variants = make_variants(config)
    experiment = study.Experiment.open("vlae_mnist", config, parts=study.parts(variants), least=2)
    classifier = study.train_feature_classifier(experiment, epochs=config.classifier_epochs)
    trained = experiment.train_variants(variants, partial(make_program, config, experiment))
    measures = ObjectiveMeasures(experiment, config, classifier)
    joint = report.Column(
        key="joint_mmd",
        title="Joint MMD²",
        digits=5,
        better="lower",
        note="Squared MMD between the codes of all levels together and draws from the prior, mean over batches of 250.",
    )
    columns = [
        *report.columns("ssim", "bce", "kl", "elbo", "sharpness_ratio", "sure", "classifier_fid"),
        joint,
    ]
    table = experiment.table(trained, measures, columns, caption=measures.words)
    levels = report.level_columns(len(config.model.latent_sizes))
    runs, images = study.first_runs(trained), experiment.test_set.images[:10]
    sure = classifier.share_sure(experiment.test_set.images)
    right = f"{classifier.accuracy:.2%} of the {experiment.measured_on}"
    words = f"The classifier is right on {right}, and sure of {sure:.2%}."
    blocks: list[report.Block] = [
        table,
        report.Paragraph(words),
        *report.contrast_blocks(study.contrasts(variants), table.rows, columns),
        *report.variant_blocks(
            experiment.workdir.figures,
            originals=as_floats(images),
            reconstructions={name: np.asarray(run.reconstruct(images)) for name, run in runs.items()},
            samples={name: np.asarray(run.sample(48)) for name, run in runs.items()},
        ),
        report.Table(rows=table.rows, columns=levels, caption="Level by level"),
    ]
    experiment.publish(
        title="KL, MMD and SSIM in a variational ladder autoencoder",
        intro=INTRO,
        tables=[table],
        blocks=blocks,
        curves=report.columns("reconstruction", "ssim_loss", "mmd", "kl"),
        summary={"classifier_accuracy": classifier.accuracy, "sure_of_images": sure, **measures.protocol},
        words=words,
    )
