"""Variational autoencoders on JAX, as parts that compose.

Data flows one way, `data -> models -> losses -> train -> evaluate -> report`, through pure functions on arrays:
images are NHWC, uint8 on disk and float32 in [0, 1] in a batch, decoders return logits, losses are in nats. The parts
that one composes most are here at the top, the rest is in the rooms of these names. `jaxvae.load` reads a trained run
back.
"""

from jaxvae import data, evaluate, losses, models, report, train
from jaxvae.loading import load
from jaxvae.losses import compose, dimension_rbf, kl, mmd, rbf, reconstruction, ssim, ssim_loss
from jaxvae.models import VAE, VLAE, Normal
from jaxvae.run import Run
from jaxvae.train import Player, Replica, TrainState, make_step
from jaxvae.types import Batch, Output, Posterior, Prior, Term

__all__ = [
    "VAE",
    "VLAE",
    "Batch",
    "Normal",
    "Output",
    "Player",
    "Posterior",
    "Prior",
    "Replica",
    "Run",
    "Term",
    "TrainState",
    "compose",
    "data",
    "dimension_rbf",
    "evaluate",
    "kl",
    "load",
    "losses",
    "make_step",
    "mmd",
    "models",
    "rbf",
    "reconstruction",
    "report",
    "ssim",
    "ssim_loss",
    "train",
]
