"""Variational ladder autoencoder on MNIST, with and without an SSIM term in its loss.

Reproduces the report "Variational Ladder Autoencoder with SSIM Loss" (A. Mazumder). Both variants are trained side by
side in one program, from the same initial parameters, on the same batches.

    python -m experiments.vlae_mnist
    python -m experiments.vlae_mnist --study objectives --workdir runs/vlae_objectives
    python -m experiments.vlae_mnist --study stacked --workdir runs/vlae_stacked

The first takes six minutes on two CPU cores. With three seeds (`--seeds 3`) the reconstructions' SSIM is 0.789 with the
term and 0.753 without, their cross-entropy 95.3 and 95.2 nats, the sharpness of samples 0.33 and 0.27 of the data's.
The second compares KL and MMD, each without and with SSIM; the third compares the ladder with stacks of latents.
"""

from experiments.vlae_mnist import ladder, objectives, stacked
from experiments.vlae_mnist.config import PRESETS, Config, LossConfig, ModelConfig
from experiments.vlae_mnist.ladder import make_model, make_training

__all__ = ["PRESETS", "Config", "LossConfig", "ModelConfig", "main", "make_model", "make_training"]

STUDIES = {"ssim": ladder.run, "objectives": objectives.run, "stacked": stacked.run}


def main(config: Config) -> None:
    """Trains what the study compares, measures it and writes the report."""
    STUDIES[config.study](config)
