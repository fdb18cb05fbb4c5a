"""The report "Generative Neural Networks" (H. Gopinath) on MNIST; `__main__` is where to start reading.

`config` declares its twelve cases and the flags. `cases` is the first chapter; `generators`, `fractions` and `guidance`
are the second, of classifiers and generators that learn from each other; `subspace` is the third.
"""

from experiments.conv_vae_mnist.config import PRESETS, Config

__all__ = ["PRESETS", "Config"]
