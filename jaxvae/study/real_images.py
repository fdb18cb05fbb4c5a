"""Real images that samples are compared with."""

import numpy as np
from jaxtyping import UInt8

from jaxvae.study.experiment import Experiment


def real_images(experiment: Experiment, samples: int) -> tuple[UInt8[np.ndarray, "n h w c"], str]:
    """Takes images that models are measured on, and training images where those are too few.

    Args:
        experiment: the run.
        samples: how many are wanted.

    Returns:
        That many images, or all that there are, and in words which they are.
    """
    test, training = experiment.test_set.images, experiment.train_set.images
    if len(test) >= samples:
        return test[:samples], experiment.measured_on
    measured = f"{experiment.config.measure_on} and training images"
    return np.concatenate([test, training[: samples - len(test)]]), measured
