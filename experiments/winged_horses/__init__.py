"""The report "Deep convolutional variational autoencoder to generate winged horses"; start reading at `__main__`.

`config` declares what is compared and the flags; `measures` and `page` are about the models; `pictures`, `candidates`,
`ranking` and `dreams` about what lies between horses and birds.
"""

from experiments.winged_horses.config import PRESETS, Config

__all__ = ["PRESETS", "Config"]
