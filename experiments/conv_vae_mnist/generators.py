"""Generators of labelled digits, and the sets of images that are made with them."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int32

import jaxvae
from experiments.conv_vae_mnist.config import Config
from jaxvae import data, losses, models, study, train
from jaxvae.types import Posterior, Term

LATENT_SIZE = 8
"""Dimensions of a generator's code."""

WIDTHS = (32, 64, 128)
"""Channels of its convolutions, from the image inwards."""


def train_generator(
    experiment: study.Experiment,
    config: Config,
    images: data.Dataset,
    *,
    share: float,
    seed: int,
    classifier: study.TrainedClassifier | None = None,
) -> jaxvae.Run:
    """Trains a generator on labelled images, for as many steps whatever their number.

    Args:
        experiment: the run.
        config: its flags.
        images: what it may see.
        share: which part of all data that is, for the training's name.
        seed: of parameters, order and noise.
        classifier: stays as it is; its cross-entropy on the reconstructions joins the loss.

    Returns:
        The trained generator.
    """
    shape, layout = experiment.image_shape, experiment.layout
    model: models.DropoutVAE
    if config.generator == "conditional":
        classes = len(experiment.class_names)
        model = models.ConditionalVAE(shape, (LATENT_SIZE,), WIDTHS, classes=classes, layout=layout)
    else:
        model = models.DropoutVAE(shape, (LATENT_SIZE,), WIDTHS, layout=layout)
    terms: dict[str, Term] = {
        "bce": losses.reconstruction("bernoulli"),
        "kl": losses.kl(models.own_priors(model)),
    }
    weights = {"bce": 1.0, "kl": config.generator_beta}
    if classifier is not None:
        terms["recognition"] = losses.recognition(classifier.logits)
        weights["recognition"] = config.classifier_loss
    source = data.serve(
        fill([images], len(experiment.train_set)), batch_size=config.batch_size, remainder=config.remainder
    )
    part = part_name("generator" if classifier is None else "guided", share, seed)
    steps = config.generator_epochs * source.steps_per_epoch
    training = study.Training(
        model=model,
        terms=terms,
        weights=weights,
        optimizer=train.adam(train.schedule(2e-3, steps=steps)),
        variants={part: {}},
        epochs=config.generator_epochs,
        source=source,
    )
    return experiment.train_one(training, part=part, seed=seed)


def part_name(kind: str, share: float, seed: int) -> str:
    """Name of a training in the run's directory, such as "generator-20-0" for 20 % of the data and seed 0."""
    return f"{kind}-{100 * share:.12g}-{seed}"


def fill(sets: Sequence[data.Dataset], size: int) -> data.Dataset:
    """A set in which each of several has `size` examples, its own over and over again.

    Trainings on little and on much data then take the same number of steps, and every source of images has the same
    share in them.
    """
    rows = [np.arange(size) % len(each) for each in sets]
    spec = sets[0].spec
    return data.from_arrays(
        np.concatenate([each.images[row] for each, row in zip(sets, rows, strict=True)]),
        np.concatenate([each.labels[row] for each, row in zip(sets, rows, strict=True)]),
        name=spec.name,
        class_names=spec.class_names,
    )


def generate(run: jaxvae.Run, seen: data.Dataset, n: int, *, seed: int) -> data.Dataset:
    """Labelled digits by a generator, as many of each class as the images that it has seen allow.

    A conditional VAE decodes draws from the prior, with the label; the other one decodes draws from the posteriors of
    labelled images, which keep the image's label.

    Args:
        run: the generator.
        seen: the images that it was trained on.
        n: how many digits.
        seed: decides which.

    Returns:
        Images, the means of p(x | z) or p(x | z, label), and labels.
    """
    classes = len(seen.spec.class_names)
    labels = np.arange(n, dtype=np.int32) % classes
    if run.model.label_field:
        images = run.sample(n, seed=seed, labels=labels)
    else:
        images = run.decode((_posterior_draws(run, seen, labels, seed=seed),))
    pixels = np.round(255 * np.asarray(images)).astype(np.uint8)
    return data.from_arrays(pixels, labels, name=seen.spec.name, class_names=seen.spec.class_names)


def _posterior_draws(
    run: jaxvae.Run, seen: data.Dataset, labels: Int32[np.ndarray, " n"], *, seed: int
) -> Float[np.ndarray, "n d"]:
    """Z ~ q(z | x) for images x of these labels, drawn with replacement."""
    (posterior,) = run.encode(seen.images)
    generator = np.random.default_rng(seed)
    rows = np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        own = labels == label
        rows[own] = generator.choice(np.flatnonzero(seen.labels == label), own.sum())
    chosen = Posterior(posterior.mean[rows], posterior.stddev[rows])
    return np.asarray(models.reparameterize(jax.random.key(seed), chosen, jnp.arange(len(rows))))
