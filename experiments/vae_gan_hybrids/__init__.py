"""The lecture "Combining VAEs and GANs".

`aae` and the modules that begin with it are about the adversarial autoencoder, `vaegan` and its own about the VAE-GAN;
`stability` is about runs that fail. Each of the two has rows, which are compared, flags, measures and a page.
"""

from collections.abc import Callable, Mapping
from typing import Any

from experiments.vae_gan_hybrids.aae_config import PRESETS as AAE_PRESETS
from experiments.vae_gan_hybrids.vaegan_config import PRESETS as VAEGAN_PRESETS

PRESETS: Mapping[str, Mapping[str, Callable[[], Any]]] = {"aae": AAE_PRESETS, "vaegan": VAEGAN_PRESETS}
"""Presets of each of the two experiments, by the first word of the command line."""

__all__ = ["PRESETS"]
