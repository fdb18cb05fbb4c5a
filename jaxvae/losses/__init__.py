"""Losses: likelihoods, distances, KL, MMD, HSIC, SSIM, colour, classification, adversarial losses, and weighted sums.

Each comes as a pure function of arrays (`bernoulli_nll`, `kl_normal`, `mmd2`, `ssim`) and as a term of an
objective (`reconstruction`, `kl`, `mmd`, `ssim_loss`). You can add a term of your own: any function `(key, output,
batch) -> [n]`. `compose` turns terms into one loss, `compose_players` into one loss per player. Functions that compare
arrays raise ValueError if their shapes differ; nothing is broadcast.
"""

from jaxvae.losses.adversarial import (
    ADVERSARIAL,
    Adversarial,
    adversarial,
    bernoulli_adversarial,
    hinge_adversarial,
    squared_adversarial,
)
from jaxvae.losses.adversarial_terms import (
    adversarial_fake,
    adversarial_generator,
    adversarial_real,
    feature_likelihood,
    gradient_penalty,
    sample_diversity,
)
from jaxvae.losses.attributes import attribute_error, attribute_likelihood
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
from jaxvae.losses.hybrids import aae_players, vaegan_players, wae_gan_players
from jaxvae.losses.joint_mmd import joint_mmd
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
from jaxvae.losses.players import PlayersObjective, Rule, Weights, compose_players, equilibrium
from jaxvae.losses.ssim import ssim, ssim_loss

__all__ = [
    "ADVERSARIAL",
    "Adversarial",
    "Features",
    "NormalPrior",
    "Objective",
    "PlayersObjective",
    "RadialKernel",
    "Rule",
    "Weights",
    "aae_players",
    "absolute_error",
    "adversarial",
    "adversarial_fake",
    "adversarial_generator",
    "adversarial_real",
    "attribute_error",
    "attribute_likelihood",
    "average_pool",
    "bernoulli_adversarial",
    "bernoulli_nll",
    "classification",
    "colour_distance",
    "colour_loss",
    "compose",
    "compose_players",
    "cross_entropy",
    "deep_features",
    "delta",
    "dimension_rbf",
    "distance",
    "equilibrium",
    "feature_error",
    "feature_likelihood",
    "gaussian_nll",
    "gradient_penalty",
    "gram",
    "hinge_adversarial",
    "hsic",
    "independence",
    "inverse_multiquadratic",
    "joint_mmd",
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
    "sample_diversity",
    "squared_adversarial",
    "squared_error",
    "ssim",
    "ssim_loss",
    "vaegan_players",
    "wae_gan_players",
]
