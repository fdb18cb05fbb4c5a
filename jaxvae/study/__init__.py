"""What scripts of experiments share; it joins the other rooms, and none of them knows it.

An experiment's data, trainings and report, the classifier that judges images, and what is measured of every trained
autoencoder.
"""

from jaxvae.study.case import make_case
from jaxvae.study.experiment import Experiment, forward
from jaxvae.study.judge import Judge, TrainedClassifier, train_classifier, train_judge
from jaxvae.study.lpips import lpips
from jaxvae.study.measure import Measures, lower_bound

__all__ = [
    "Experiment",
    "Judge",
    "Measures",
    "TrainedClassifier",
    "forward",
    "lower_bound",
    "lpips",
    "make_case",
    "train_classifier",
    "train_judge",
]
