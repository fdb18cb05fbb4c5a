"""What one trained autoencoder shows of itself on a page."""

import jax.numpy as jnp
import numpy as np

from jaxvae import data, models, report
from jaxvae.run import Run

_GRID = 15
_SHOWN = 16


def view_model(run: Run, test_set: data.Dataset, *, spread: bool = False) -> report.ModelView:
    """Decodes the plane of a model's latent space, and encodes, reconstructs and samples.

    Args:
        run: the trained model, of one level.
        test_set: validation images.
        spread: whether the case also shows how wide the posteriors are.

    Returns:
        The case, named after the run's variant.
    """
    (prior,) = models.normal_priors(run.model)
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
