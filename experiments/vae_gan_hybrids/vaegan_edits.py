"""Figures of attributes: images with combinations that are new, and faces whose attributes are changed."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import jaxvae
from experiments.vae_gan_hybrids.vaegan_measures import Measures, Vectors, attribute_vectors
from jaxvae import models, report, study

_FACES = 8
_STEPS = (-1.5, -0.75, 0.0, 0.75, 1.5)
_SAME_CODES = 12
_COMBINATIONS = 6


def by_combination(run: jaxvae.Run, measure: Measures) -> tuple[Figure, str]:
    """The same codes under several combinations of attributes, those that training has not seen if there are any.

    Args:
        run: a conditional model.
        measure: knows the combinations.

    Returns:
        A figure with a line for each combination, and its caption.
    """
    unseen = len(measure.unseen) > 0
    chosen = (measure.unseen if unseen else np.unique(measure.wanted, axis=0))[:_COMBINATIONS]
    (prior,) = models.sampled_priors(run.model)
    codes = prior.sample(jax.random.key(run.seed), _SAME_CODES)
    groups = []
    for wanted in chosen:
        labels = np.repeat(wanted[None], _SAME_CODES, axis=0)
        has = [name for name, value in zip(measure.names, wanted, strict=True) if value]
        groups.append(
            (", ".join(has) or "none of the attributes", np.asarray(run.decode((codes,), labels=labels)))
        )
    seen = "combinations of attributes that no training image has" if unseen else "combinations of attributes"
    return (
        report.comparison(groups, columns=_SAME_CODES),
        f"{run.variant}: the same draws from the prior decoded with {seen}, a combination a line.",
    )


def edited(experiment: study.Experiment, run: jaxvae.Run, measure: Measures) -> tuple[Figure, str]:
    """Validation images encoded, and decoded with one attribute turned around, or as one of their classes.

    Args:
        experiment: the run.
        run: a conditional model.
        measure: knows the attributes' names.

    Returns:
        A figure with a line for each attribute, and its caption. Attributes of which every image has exactly one are
        classes, and each image is made one of each.
    """
    classes = bool((measure.truth.sum(axis=1) == 1).all())
    test = experiment.test_set
    images, labels = test.images[:_FACES], measure.truth[:_FACES]
    codes = tuple(q.mean for q in run.encode(images, labels=labels))
    groups = [
        ("validation images", images.astype(np.float32) / 255),
        ("reconstructed", np.asarray(run.decode(codes, labels=labels))),
    ]
    for place, name in enumerate(measure.names):
        changed = changed_attributes(labels, place, classes=classes)
        told = f"as {name}" if classes else f"{name} turned around"
        groups.append((told, np.asarray(run.decode(codes, labels=changed))))
    done = "decoded as each class" if classes else "one of their attributes turned around, and decoded"
    return (
        report.comparison(groups, columns=_FACES),
        f"{run.variant}: images encoded to the means of their codes, {done}.",
    )


def changed_attributes(labels: Vectors, place: int, *, classes: bool) -> Vectors:
    """What images shall have in place of what they have.

    Args:
        labels: [n, k], what they have.
        place: of the attribute to change.
        classes: whether attributes are classes, of which an image has exactly one.

    Returns:
        [n, k], with that attribute turned around; of classes, with that one alone.
    """
    changed = np.zeros_like(labels) if classes else labels.copy()
    changed[:, place] = True if classes else ~labels[:, place]
    return changed


def moved(experiment: study.Experiment, run: jaxvae.Run, names: Sequence[str]) -> tuple[Figure, str]:
    """A validation image's code moved along the visual vector of each attribute.

    Args:
        experiment: the run.
        run: a model that is not conditional.
        names: of the attributes.

    Returns:
        A figure with a line for each attribute, and its caption.
    """
    vectors = jnp.asarray(attribute_vectors(run, experiment.source.dataset))
    (posterior,) = run.encode(experiment.test_set.images[:1])
    steps = jnp.asarray(_STEPS)[:, None]
    groups = [
        (name, np.asarray(run.decode((posterior.mean + steps * vectors[place][None],))))
        for place, name in enumerate(names)
    ]
    told = ", ".join(f"{step:g}" for step in _STEPS)
    return (
        report.comparison(groups, columns=len(_STEPS)),
        f"{run.variant}: a validation image's code plus {told} times the difference of the mean codes of images with "
        "and without each attribute.",
    )
