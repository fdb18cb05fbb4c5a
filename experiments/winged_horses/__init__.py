"""The report "Deep convolutional variational autoencoder to generate winged horses".

`rows` declares what is compared and `config` the flags. `training`, `measures` and `page` are about the models;
`candidates`, `ranking` and `dreams` about what lies between horses and birds.
"""

from experiments.winged_horses.config import PRESETS, Config

__all__ = ["PRESETS", "Config"]
