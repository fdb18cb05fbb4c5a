"""Losses: likelihoods, distances, KL, MMD, HSIC, SSIM, colour, classification, and `compose`, which weighs them.

Each comes as a pure function of arrays (`bernoulli_nll`, `kl_normal`, `mmd2`, `ssim`) and as a term of an
objective (`reconstruction`, `kl`, `mmd`, `ssim_loss`). A term of one's own is any function `(key, output,
batch) -> [n]`.
"""

from jaxvae.losses.classification import (
    classification,
    cross_entropy,
    label_head,
    misclassification,
    recognition,
)
from jaxvae.losses.colour import average_pool, colour_distance, colour_loss
from jaxvae.losses.compose import Objective, compose
from jaxvae.losses.deep_features import deep_features, feature_error
from jaxvae.losses.distance import absolute_error, distance, squared_error
from jaxvae.losses.hsic import delta, hsic, independence
from jaxvae.losses.kernels import (
    RadialKernel,
    dimension_rbf,
    gram,
    inverse_multiquadratic,
    median_bandwidth,
    rbf,
)
from jaxvae.losses.kl import (
    NormalPrior,
    kl,
    kl_monte_carlo,
    kl_normal,
    kl_normal_per_dimension,
    posterior_log_prob,
)
from jaxvae.losses.likelihood import bernoulli_nll, gaussian_nll, laplace_nll, reconstruction
from jaxvae.losses.mmd import mmd, mmd2, mmd2_biased
from jaxvae.losses.ms_ssim import ms_ssim, ms_ssim_loss
from jaxvae.losses.perceptual import Features, lpips_distance, perceptual, perceptual_distance
from jaxvae.losses.ssim import ssim, ssim_loss

__all__ = [
    "Features",
    "NormalPrior",
    "Objective",
    "RadialKernel",
    "absolute_error",
    "average_pool",
    "bernoulli_nll",
    "classification",
    "colour_distance",
    "colour_loss",
    "compose",
    "cross_entropy",
    "deep_features",
    "delta",
    "dimension_rbf",
    "distance",
    "feature_error",
    "gaussian_nll",
    "gram",
    "hsic",
    "independence",
    "inverse_multiquadratic",
    "kl",
    "kl_monte_carlo",
    "kl_normal",
    "kl_normal_per_dimension",
    "label_head",
    "laplace_nll",
    "lpips_distance",
    "median_bandwidth",
    "misclassification",
    "mmd",
    "mmd2",
    "mmd2_biased",
    "ms_ssim",
    "ms_ssim_loss",
    "perceptual",
    "perceptual_distance",
    "posterior_log_prob",
    "rbf",
    "recognition",
    "reconstruction",
    "squared_error",
    "ssim",
    "ssim_loss",
]
