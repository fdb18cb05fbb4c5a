"""What the page shows of one trained autoencoder: its latent plane, or the levels of a ladder."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from jaxvae import data, models, report
from jaxvae.images import as_floats
from jaxvae.run import Run
from jaxvae.study.experiment import Experiment

_GRID = 15
_SHOWN = 16


def view_model(run: Run, test_set: data.Dataset, *, spread: bool = False) -> report.ModelView:
    """Decodes the plane of a model's latent space, and encodes, reconstructs and samples.

    Args:
        run: the trained model, of one level.
        test_set: held-out images.
        spread: whether the view also shows how wide the posteriors are.

    Returns:
        The view, named after the run's variant.
    """
    (prior,) = models.normal_priors(run.autoencoder)
    values = np.asarray(prior.quantile(jnp.linspace(0.05, 0.95, _GRID)))
    centre = np.full((1, prior.dim), prior.loc, np.float32)
    (grid,) = run.traverse((centre,), values)
    (posterior,) = run.encode(test_set.images)
    return report.ModelView(
        name=run.variant,
        prior=(prior.loc, prior.scale),
        values=values,
        grid=np.asarray(grid),
        codes=np.asarray(posterior.mean),
        stddev=np.asarray(posterior.stddev) if spread else None,
        reconstructions=np.asarray(run.reconstruct(test_set.images[:_SHOWN])),
        samples=np.asarray(run.sample(2 * _SHOWN)),
    )


def view_levels(run: Run, test_set: data.Dataset) -> report.Levels:
    """Moves each level of a ladder over [-2, 2]^2, the others held or redrawn, and encodes the held-out images.

    Args:
        run: the trained model, whose levels have two dimensions or more.
        test_set: held-out images; the others are held at the codes of the first.

    Returns:
        The levels, bottom first.
    """
    values = np.linspace(-2, 2, 13, dtype=np.float32)
    held = tuple(q.mean for q in run.encode(test_set.images[:1]))
    drawn = models.draw(jax.random.key(0), models.standard_priors(run.autoencoder), len(values) ** 2)
    return report.Levels(
        values=values,
        fixed=[np.asarray(plane) for plane in run.traverse(held, values)],
        redrawn=[np.asarray(plane) for plane in run.traverse(drawn, values)],
        codes=[np.asarray(q.mean) for q in run.encode(test_set.images)],
        labels=test_set.labels,
        class_names=test_set.spec.class_names,
    )


def view_models(
    experiment: Experiment, runs: Mapping[str, Run], *, spread: bool = False
) -> list[report.Block]:
    """What the page shows of autoencoders of one level: samples, reconstructions, latent planes, codes by class.

    Args:
        experiment: the run.
        runs: a trained model of each variant.
        spread: whether to show how wide the posteriors are, too.

    Returns:
        Headings and pictures.
    """
    test_set = experiment.test_set
    return report.model_blocks(
        experiment.workdir.figures,
        [view_model(run, test_set, spread=spread) for run in runs.values()],
        originals=as_floats(test_set.images[:_SHOWN]),
        labels=test_set.labels,
        class_names=test_set.spec.class_names,
    )
