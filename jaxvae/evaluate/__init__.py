"""Evaluation: what a trained model is worth on data it has not seen.

An `Evaluator` is `(key, variables, batches) -> {name: float}`. Builders take the model as pure functions,
compile once, sum on the device under the batches' masks, and read back once at the end.
"""

from jaxvae.evaluate.classes import class_accuracy
from jaxvae.evaluate.image_quality import Sample, mse, reconstruction_evaluator, sample_evaluator, sharpness
from jaxvae.evaluate.importance import importance_bound, importance_evaluator
from jaxvae.evaluate.latents import active_units, kl_per_unit, latent_evaluator, mean_variance, mmd_floor
from jaxvae.evaluate.mean import Evaluator, Forward, Statistics, combine, mean_evaluator
from jaxvae.evaluate.objective import objective_evaluator
from jaxvae.evaluate.rank import spearman

__all__ = [
    "Evaluator",
    "Forward",
    "Sample",
    "Statistics",
    "active_units",
    "class_accuracy",
    "combine",
    "importance_bound",
    "importance_evaluator",
    "kl_per_unit",
    "latent_evaluator",
    "mean_evaluator",
    "mean_variance",
    "mmd_floor",
    "mse",
    "objective_evaluator",
    "reconstruction_evaluator",
    "sample_evaluator",
    "sharpness",
    "spearman",
]
