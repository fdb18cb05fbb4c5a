"""The report's ladder, trained without and with an SSIM term in its loss."""

import math

import numpy as np
import optax

from experiments.vlae_mnist.config import Config
from jaxvae import evaluate, losses, models, report, study, train
from jaxvae.images import as_floats
from jaxvae.types import Kernel, Schedule, Term

INTRO = (
    "Two variational ladder autoencoders that differ in one thing: the loss of the second also has 1 - SSIM of image "
    "and reconstruction. Both hold the codes of each level to a standard normal prior by their MMD. Table and pictures "
    "show what the term changes, traversals what each level has learned. The report states no numbers."
)


def make_model(config: Config, experiment: study.Experiment) -> models.VLAE:
    """The ladder that both variants train."""
    learned_scale = config.loss.likelihood != "bernoulli"
    return models.VLAE(
        experiment.image_shape, **vars(config.model), learned_scale=learned_scale, layout=experiment.layout
    )


def make_training(config: Config, experiment: study.Experiment, model: models.VLAE) -> study.Training:
    """Reconstruction + ssim * (1 - SSIM) + mmd * sum over levels of MMD^2 + kl * KL; the report's loss has kl = 0.

    The squared MMD of all levels together is added where its weight is not 0.
    """
    loss, priors = config.loss, models.standard_priors(model)
    kl = kl_weight(loss.kl, config, experiment)
    rate = train.schedule(config.learning_rate, steps=experiment.steps(), final=0.02)
    terms: dict[str, Term] = {
        "reconstruction": losses.reconstruction(loss.likelihood),
        "ssim_loss": losses.ssim_loss(),
        "mmd": losses.mmd(priors, losses.rbf(*loss.bandwidths)),
        "kl": losses.kl(priors),
    }
    weights = {"reconstruction": 1.0, "ssim_loss": loss.ssim, "mmd": loss.mmd, "kl": kl}
    if loss.joint_mmd:
        terms["joint_mmd"] = losses.joint_mmd(priors, joint_kernel(config))
        weights["joint_mmd"] = loss.joint_mmd
    return study.Training(
        model=model,
        terms=terms,
        weights=weights,
        optimizer=train.adam(rate, clip_norm=config.clip_norm),
        variants={"without SSIM": {"ssim_loss": 0.0}, "with SSIM": {"ssim_loss": loss.ssim}},
        validation=experiment.batches,
        ema_decay=config.ema,
    )


def kl_weight(weight: float, config: Config, experiment: study.Experiment) -> float | Schedule:
    """The weight of the KL divergence, which rises from 0 over the first epochs if the flags say so."""
    warmup = config.loss.kl_warmup
    return optax.linear_schedule(0.0, weight, experiment.steps(warmup)) if warmup else weight


def joint_kernel(config: Config) -> Kernel:
    """Kernel of the codes of all levels together, whose distances are as many times larger as there are levels."""
    factor = math.sqrt(len(config.model.latent_sizes))
    return losses.rbf(*(factor * bandwidth for bandwidth in config.loss.bandwidths))


def run(config: Config) -> None:
    """Trains both variants, measures them and writes the report."""
    experiment = study.Experiment.open("vlae_mnist", config)
    model = make_model(config, experiment)
    training = make_training(config, experiment, model)
    trained = experiment.train(training)
    forward, kernel = study.forward(model), losses.rbf(*config.loss.bandwidths)
    evaluator = evaluate.combine(
        training.evaluator,
        evaluate.reconstruction_evaluator(forward),
        evaluate.latent_evaluator(forward, kernel=kernel, classes=len(experiment.class_names)),
        evaluate.sample_evaluator(lambda key, variables, n: models.sample(key, model, variables, n)),
    )
    columns = report.columns("ssim", "bce", "mse", "sharpness_ratio")
    table = experiment.table(trained, study.Evaluated(experiment, evaluator), columns)

    runs, images = study.first_runs(trained), experiment.test_set.images[:10]
    figures = experiment.workdir.figures
    name, ladder = list(runs.items())[-1]
    levels = study.view_levels(ladder, experiment.test_set)
    graph = "Each level's code, drawn from its posterior, joins the decoder at its own depth."
    blocks: list[report.Block] = [
        table,
        experiment.picture("graph", report.ladder_graph(len(levels.codes)), graph),
        *report.variant_blocks(
            figures,
            originals=as_floats(images),
            reconstructions={name: np.asarray(run.reconstruct(images)) for name, run in runs.items()},
            samples={name: np.asarray(run.sample(48)) for name, run in runs.items()},
        ),
        *report.level_blocks(figures, levels, variant=name),
        report.Table(
            rows=table.rows, columns=report.level_columns(len(levels.codes)), caption="Level by level"
        ),
    ]
    title = "Variational ladder autoencoder with SSIM loss"
    experiment.publish(title=title, intro=INTRO, tables=[table], blocks=blocks)
