"""Models: networks as Flax modules, priors, and the pure functions that use a trained model."""

from jaxvae.models.classifier import Classifier
from jaxvae.models.conv_vae import ConvVAE
from jaxvae.models.family import build, describe
from jaxvae.models.generate import (
    Latents,
    decode,
    draw,
    encode,
    forward,
    init,
    interpolate,
    own_priors,
    reconstruct,
    redraw,
    sample,
    standard_priors,
    traverse,
)
from jaxvae.models.initialization import INITIALIZATIONS, Initialization, initialization
from jaxvae.models.layouts import Layout, layout
from jaxvae.models.posterior import reparameterize
from jaxvae.models.priors import Normal
from jaxvae.models.vae import VAE
from jaxvae.models.vgg import VGG16, PerceptualWeights, load_vgg16
from jaxvae.models.vlae import VLAE

__all__ = [
    "INITIALIZATIONS",
    "VAE",
    "VGG16",
    "VLAE",
    "Classifier",
    "ConvVAE",
    "Initialization",
    "Latents",
    "Layout",
    "Normal",
    "PerceptualWeights",
    "build",
    "decode",
    "describe",
    "draw",
    "encode",
    "forward",
    "init",
    "initialization",
    "interpolate",
    "layout",
    "load_vgg16",
    "own_priors",
    "reconstruct",
    "redraw",
    "reparameterize",
    "sample",
    "standard_priors",
    "traverse",
]
