"""The report "Generative Neural Networks" (H. Gopinath) on MNIST; `__main__` is where to start reading.

`config` declares the cases and the flags. `cases` is the first chapter and `autoencoder` the second; `generators`,
`fractions` and `guidance` are the third, of classifiers and generators that learn from each other; `subspace` is the
fourth.
"""

from experiments.conv_vae_mnist.config import PRESETS, Config

__all__ = ["PRESETS", "Config"]
