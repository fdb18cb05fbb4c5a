"""What scripts of experiments share; it joins the other rooms, and none of them knows it.

An experiment's data, trainings and report, the classifier that judges images, and what is measured of every trained
autoencoder.
"""

from jaxvae.study.experiment import Experiment, forward
from jaxvae.study.judge import Judge, train_judge
from jaxvae.study.lpips import lpips
from jaxvae.study.measure import Measures

__all__ = ["Experiment", "Judge", "Measures", "forward", "lpips", "train_judge"]
