"""The report "Deep convolutional variational autoencoder to generate winged horses"; start reading at `__main__`.

`config` declares what is compared and the flags; `training`, `measures`, `stability`, `claims` and `page` are about the
models; `pictures`, `candidates`, `ranking`, `wings` and `dreams` about what lies between horses and birds.
"""

from experiments.winged_horses.config import PRESETS, Config, make_variants
from experiments.winged_horses.training import Trainings

__all__ = ["PRESETS", "Config", "Trainings", "make_variants"]
