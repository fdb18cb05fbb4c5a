"""Adversarial autoencoders and VAE-GANs, which join a variational autoencoder with a discriminator.

Reproduces the lecture "Combining VAEs and GANs". `aae` puts a discriminator of codes in the place of the KL divergence
and shows how codes fill a Gaussian, a ring of ten Gaussians and a Swiss roll; `vaegan` compares images in the features
of a discriminator, beside a VAE and a GAN of the same networks, with and without attributes; `distances` shows
changes of equal squared error that look unequal.

    python -m experiments.vae_gan_hybrids aae
    python -m experiments.vae_gan_hybrids aae --variants "AAE, ring, labels" --unlabelled 0.9
    python -m experiments.vae_gan_hybrids vaegan --data drawn_faces
    python -m experiments.vae_gan_hybrids vaegan --data mnist --limit 10000 --epochs 6 --no-fid --variants VAE VAE-GAN
    python -m experiments.vae_gan_hybrids distances
"""

from collections.abc import Callable, Mapping
from typing import Any

from experiments.vae_gan_hybrids import PRESETS, aae, distances, vaegan
from jaxvae import cli

EXPERIMENTS: Mapping[str, tuple[Callable[[Any], None], Mapping[str, Callable[[], Any]]]] = {
    "aae": (aae.main, PRESETS["aae"]),
    "vaegan": (vaegan.main, PRESETS["vaegan"]),
    "distances": (distances.main, PRESETS["distances"]),
}

if __name__ == "__main__":
    cli.launch_one(EXPERIMENTS, description=__doc__)
