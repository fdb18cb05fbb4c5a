"""The lecture "Combining VAEs and GANs", in three experiments.

Start reading at `aae` (adversarial autoencoders), `vaegan` (VAE-GANs) or `distances` (equal errors that look unequal);
`python -m experiments.vae_gan_hybrids` says what to type.
"""

from collections.abc import Callable, Mapping
from typing import Any

from experiments.vae_gan_hybrids.aae import PRESETS as AAE_PRESETS
from experiments.vae_gan_hybrids.distances import PRESETS as DISTANCES_PRESETS
from experiments.vae_gan_hybrids.vaegan_config import PRESETS as VAEGAN_PRESETS

PRESETS: Mapping[str, Mapping[str, Callable[[], Any]]] = {
    "aae": AAE_PRESETS,
    "vaegan": VAEGAN_PRESETS,
    "distances": DISTANCES_PRESETS,
}
"""Presets of each experiment, by the first word of the command line."""

__all__ = ["PRESETS"]
