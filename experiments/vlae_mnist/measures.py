"""What is measured of models with several levels of latents, beside their reconstructions."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from jaxvae import evaluate, losses, models, report, study
from jaxvae.run import Run
from jaxvae.types import Batch, Variables

_REDRAWN = 7
"""Folded into the key of the draws that replace codes."""


def measure_samples(
    run: Run, experiment: study.Experiment, classifier: study.FeatureClassifier, *, samples: int
) -> dict[str, float]:
    """What the classifier says of images drawn from the prior, all levels independent of each other."""
    images = np.asarray(run.sample(samples, seed=run.seed))
    reals = experiment.test_set.images[:samples]
    return {
        "sure": classifier.share_sure(images),
        "classifier_fid": evaluate.frechet_distance(classifier.moments(images), classifier.moments(reals)),
    }


def alone(level: int, codes: models.Latents, drawn: models.Latents, *, stacked: bool) -> models.Latents:
    """Codes that know of an image what one level knows; the others are drawn again.

    In a ladder these are all others. In a stack they are those below, which follow from the level; those above say no
    more of the image once it is known.
    """
    kept = [index == level or (stacked and index > level) for index, _ in enumerate(codes, start=1)]
    return tuple(code if keep else new for keep, code, new in zip(kept, codes, drawn, strict=True))


def level_evaluator(model: models.Autoencoder, classifier: study.FeatureClassifier) -> evaluate.Evaluator:
    """What each level knows.

    Returns:
        An evaluator of kl_zl, nats by Monte Carlo, bce_zl, nats of the image decoded from level l `alone`, and
        same_class_zl, the share of such images whose class the classifier finds.
    """
    priors, levels = models.own_priors(model), range(1, len(model.latent_sizes) + 1)
    divergences = {level: losses.kl(priors, level=level, method="monte_carlo") for level in levels}
    stacked = isinstance(model, models.HierarchicalVAE)

    def statistics(key: Key[Array, ""], variables: Variables, batch: Batch) -> dict[str, Float[Array, " n"]]:
        output = models.forward(key, model, variables, batch)
        drawn = models.draw(jax.random.fold_in(key, _REDRAWN), priors, len(batch.image))
        values = {f"kl_z{level}": term(key, output, batch) for level, term in divergences.items()}
        for level in levels:
            logits: Any = model.apply(
                variables, alone(level, output.latents, drawn, stacked=stacked), method="decode"
            )
            found = jnp.argmax(classifier.logits(jax.nn.sigmoid(logits)), axis=1)
            values[f"bce_z{level}"] = losses.bernoulli_nll(logits, batch.image)
            values[f"same_class_z{level}"] = jnp.float32(found == batch.label)
        return values

    return evaluate.mean_evaluator(statistics)


def alone_columns(levels: int) -> list[report.Column]:
    """Columns of `level_evaluator`."""
    bce = report.Column(
        key="bce_z{}",
        title="BCE from z{} alone",
        unit="nats",
        digits=1,
        note="Cross-entropy of the image decoded from one level's code; the other codes are drawn from the prior, but "
        "in a stack those below follow from it.",
    )
    same = report.Column(
        key="same_class_z{}",
        title="Class kept by z{} alone",
        note="Share of the images decoded from one level's code in which the classifier finds the image's class.",
    )
    numbers = range(1, levels + 1)
    own = [
        replace(column, key=column.key.format(n), title=column.title.format(n))
        for column in (bce, same)
        for n in numbers
    ]
    return [*report.family("kl_z{}", numbers), *own]
