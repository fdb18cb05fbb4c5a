"""Starts the experiment: `python -m experiments.vlae_mnist`."""

import experiments.vlae_mnist
from jaxvae import cli

if __name__ == "__main__":
    cli.launch(
        experiments.vlae_mnist.main,
        experiments.vlae_mnist.PRESETS,
        description=experiments.vlae_mnist.__doc__,
    )
