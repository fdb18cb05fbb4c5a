"""The report "Generative Neural Networks" (H. Gopinath) on MNIST.

`table` declares its twelve cases and `config` the flags. `cases` is the first part; `generators`, `fractions` and
`guidance` are the second, of classifiers and generators that learn from each other; `subspace` is the third.
"""

from experiments.conv_vae_mnist.config import PRESETS, Config

__all__ = ["PRESETS", "Config"]
