"""Models: networks as Flax modules, priors, and pure functions that use a trained model."""

from jaxvae.models.aae import AAE
from jaxvae.models.autoencoder import Autoencoder, Labels, OneLevelAutoencoder
from jaxvae.models.classifier import Classifier
from jaxvae.models.codes import (
    PATHS,
    Latents,
    draw,
    interpolate,
    interpolate_spherically,
    redraw,
    traverse,
)
from jaxvae.models.conditional_vae import ConditionalVAE
from jaxvae.models.conv_vae import ConvVAE
from jaxvae.models.deep_conv_vae import DeepConvVAE
from jaxvae.models.dropout import dropout
from jaxvae.models.dropout_vae import DropoutVAE
from jaxvae.models.family import build, describe
from jaxvae.models.generate import (
    decode,
    encode,
    forward,
    init,
    normal_priors,
    own_priors,
    reconstruct,
    sample,
    standard_priors,
)
from jaxvae.models.hierarchical_vae import HierarchicalVAE
from jaxvae.models.initialization import INITIALIZATIONS, Initialization, initialization
from jaxvae.models.layouts import Layout, layout
from jaxvae.models.mixture import Mixture, fit_mixture
from jaxvae.models.named_priors import PRIORS, draw_each, prior
from jaxvae.models.network import Network
from jaxvae.models.pool_classifier import PoolClassifier
from jaxvae.models.posterior import reparameterize
from jaxvae.models.priors import LabelledPrior, Normal, Samplable
from jaxvae.models.residual_classifier import ResidualClassifier
from jaxvae.models.ring import Ring
from jaxvae.models.second_stage import SecondStage
from jaxvae.models.subspace_vae import SubspaceVAE
from jaxvae.models.swiss_roll import SwissRoll
from jaxvae.models.vae import VAE
from jaxvae.models.vaegan import VAEGAN
from jaxvae.models.vgg import VGG16, PerceptualWeights, load_vgg16
from jaxvae.models.vlae import VLAE

__all__ = [
    "AAE",
    "INITIALIZATIONS",
    "PATHS",
    "PRIORS",
    "VAE",
    "VAEGAN",
    "VGG16",
    "VLAE",
    "Autoencoder",
    "Classifier",
    "ConditionalVAE",
    "ConvVAE",
    "DeepConvVAE",
    "DropoutVAE",
    "HierarchicalVAE",
    "Initialization",
    "LabelledPrior",
    "Labels",
    "Latents",
    "Layout",
    "Mixture",
    "Network",
    "Normal",
    "OneLevelAutoencoder",
    "PerceptualWeights",
    "PoolClassifier",
    "ResidualClassifier",
    "Ring",
    "Samplable",
    "SecondStage",
    "SubspaceVAE",
    "SwissRoll",
    "build",
    "decode",
    "describe",
    "draw",
    "draw_each",
    "dropout",
    "encode",
    "fit_mixture",
    "forward",
    "init",
    "initialization",
    "interpolate",
    "interpolate_spherically",
    "layout",
    "load_vgg16",
    "normal_priors",
    "own_priors",
    "prior",
    "reconstruct",
    "redraw",
    "reparameterize",
    "sample",
    "standard_priors",
    "traverse",
]
