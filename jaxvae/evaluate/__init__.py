"""Evaluation: metrics of a trained model on data it has not seen.

An `Evaluator` is `(key, variables, batches) -> {name: float}`. The functions that build one take the model as pure
functions, compile once, sum on the device under the batches' masks, and read the result back once at the end. Metrics
that compare images pair by pair raise ValueError if the shapes differ; nothing is broadcast.
"""

from jaxvae.evaluate.attribute_vectors import attribute_vectors
from jaxvae.evaluate.checkerboard import checkerboard
from jaxvae.evaluate.classes import class_accuracy
from jaxvae.evaluate.colour import (
    colour_error,
    colour_evaluator,
    colour_histogram,
    colour_histogram_distance,
    colour_shift,
)
from jaxvae.evaluate.diversity import attribute_similarity, distinctness, diversity
from jaxvae.evaluate.fid import FidResult, check_comparable, compare, fid
from jaxvae.evaluate.frechet import Moments, frechet_distance, moments
from jaxvae.evaluate.holes import holes, two_sample_accuracy
from jaxvae.evaluate.image_quality import Sample, mse, reconstruction_evaluator, sample_evaluator, sharpness
from jaxvae.evaluate.image_statistics import image_statistics
from jaxvae.evaluate.importance import importance_bound, importance_evaluator
from jaxvae.evaluate.inception import InceptionV3
from jaxvae.evaluate.inception_features import inception_features
from jaxvae.evaluate.inception_weights import Inception, InceptionNotFoundError, load_inception
from jaxvae.evaluate.kid import Estimate, Fidelity, density_coverage, kid
from jaxvae.evaluate.latents import active_units, kl_per_unit, latent_evaluator, mean_variance, mmd_floor
from jaxvae.evaluate.mean import Evaluator, Forward, Statistics, combine, mean_evaluator
from jaxvae.evaluate.objective import objective_evaluator
from jaxvae.evaluate.parts import mode_match
from jaxvae.evaluate.probe import probe
from jaxvae.evaluate.regions import central_disc, regional_mse, regional_sharpness
from jaxvae.evaluate.resize import RESIZES, resize_bilinear, resize_clean
from jaxvae.evaluate.statistics_files import ImageStatistics, load_statistics, save_statistics

__all__ = [
    "RESIZES",
    "Estimate",
    "Evaluator",
    "FidResult",
    "Fidelity",
    "Forward",
    "ImageStatistics",
    "Inception",
    "InceptionNotFoundError",
    "InceptionV3",
    "Moments",
    "Sample",
    "Statistics",
    "active_units",
    "attribute_similarity",
    "attribute_vectors",
    "central_disc",
    "check_comparable",
    "checkerboard",
    "class_accuracy",
    "colour_error",
    "colour_evaluator",
    "colour_histogram",
    "colour_histogram_distance",
    "colour_shift",
    "combine",
    "compare",
    "density_coverage",
    "distinctness",
    "diversity",
    "fid",
    "frechet_distance",
    "holes",
    "image_statistics",
    "importance_bound",
    "importance_evaluator",
    "inception_features",
    "kid",
    "kl_per_unit",
    "latent_evaluator",
    "load_inception",
    "load_statistics",
    "mean_evaluator",
    "mean_variance",
    "mmd_floor",
    "mode_match",
    "moments",
    "mse",
    "objective_evaluator",
    "probe",
    "reconstruction_evaluator",
    "regional_mse",
    "regional_sharpness",
    "resize_bilinear",
    "resize_clean",
    "sample_evaluator",
    "save_statistics",
    "sharpness",
    "two_sample_accuracy",
]
