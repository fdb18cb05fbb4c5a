"""The lecture "Combining VAEs and GANs"; start reading at `aae` (adversarial autoencoders) or `vaegan` (VAE-GANs).

Each of the two has measures and a page; `python -m experiments.vae_gan_hybrids` says what to type.
"""

from collections.abc import Callable, Mapping
from typing import Any

from experiments.vae_gan_hybrids.aae import PRESETS as AAE_PRESETS
from experiments.vae_gan_hybrids.vaegan_config import PRESETS as VAEGAN_PRESETS

PRESETS: Mapping[str, Mapping[str, Callable[[], Any]]] = {"aae": AAE_PRESETS, "vaegan": VAEGAN_PRESETS}
"""Presets of each of the two experiments, by the first word of the command line."""

__all__ = ["PRESETS"]
