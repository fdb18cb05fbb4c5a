"""What scripts of experiments share; it joins the other rooms, and none of them knows it.

An experiment's data, trainings and report, the classifier that judges images, what is measured of every trained
autoencoder, where the codes of its samples come from, and what a part of an experiment adds to the report.
"""

from jaxvae.study.attribute_classifier import AttributeClassifier, train_attribute_classifier
from jaxvae.study.classifier import (
    FeatureClassifier,
    TrainedClassifier,
    train_classifier,
    train_feature_classifier,
)
from jaxvae.study.experiment import Experiment, forward
from jaxvae.study.game import Game, fit_game
from jaxvae.study.inception import InceptionDistances, find_inception
from jaxvae.study.kept import kept
from jaxvae.study.lpips import lpips
from jaxvae.study.measure import Measures, lower_bound
from jaxvae.study.model_view import view_model
from jaxvae.study.reference import reference
from jaxvae.study.samplers import SAMPLERS, Sampler, draw_images, make_sampler
from jaxvae.study.second_stage import fit_second_stage
from jaxvae.study.section import Section
from jaxvae.study.training_set import training_set

__all__ = [
    "SAMPLERS",
    "AttributeClassifier",
    "Experiment",
    "FeatureClassifier",
    "Game",
    "InceptionDistances",
    "Measures",
    "Sampler",
    "Section",
    "TrainedClassifier",
    "draw_images",
    "find_inception",
    "fit_game",
    "fit_second_stage",
    "forward",
    "kept",
    "lower_bound",
    "lpips",
    "make_sampler",
    "reference",
    "train_attribute_classifier",
    "train_classifier",
    "train_feature_classifier",
    "training_set",
    "view_model",
]
