"""What a study is: variants trained program by program, measured, and told in one report.

`Experiment` opens a run's directory, trains a `Training` and publishes the tables; `Measuring` is what computes numbers
of a trained model, such as `AutoencoderMeasures`; samplers and classifiers are what measures share. This room joins the
others, and none of them knows it.
"""

from jaxvae.study.attribute_classifier import AttributeClassifier, train_attribute_classifier
from jaxvae.study.autoencoder_measures import AutoencoderMeasures, lower_bound
from jaxvae.study.classifier import (
    SURE,
    FeatureClassifier,
    TrainedClassifier,
    train_classifier,
    train_feature_classifier,
)
from jaxvae.study.collapse import Diversity, without_collapsed
from jaxvae.study.experiment import Experiment
from jaxvae.study.inception import InceptionDistances, find_inception
from jaxvae.study.judge import Judge, train_judge
from jaxvae.study.lpips import lpips
from jaxvae.study.measuring import ByModel, Evaluated, Measuring, reconstructions
from jaxvae.study.model_view import view_levels, view_model, view_models
from jaxvae.study.publishing import Measure
from jaxvae.study.real_images import real_images
from jaxvae.study.samplers import SAMPLERS, Sampler, draw_images, make_sampler
from jaxvae.study.second_stage import fit_second_stage
from jaxvae.study.section import Section
from jaxvae.study.trained import Trained, first_runs
from jaxvae.study.training import Game, Training, forward
from jaxvae.study.training_set import training_set
from jaxvae.study.variant import Variant, contrasts, parts, programs
from jaxvae.study.variety import Variety

__all__ = [
    "SAMPLERS",
    "SURE",
    "AttributeClassifier",
    "AutoencoderMeasures",
    "ByModel",
    "Diversity",
    "Evaluated",
    "Experiment",
    "FeatureClassifier",
    "Game",
    "InceptionDistances",
    "Judge",
    "Measure",
    "Measuring",
    "Sampler",
    "Section",
    "Trained",
    "TrainedClassifier",
    "Training",
    "Variant",
    "Variety",
    "contrasts",
    "draw_images",
    "find_inception",
    "first_runs",
    "fit_second_stage",
    "forward",
    "lower_bound",
    "lpips",
    "make_sampler",
    "parts",
    "programs",
    "real_images",
    "reconstructions",
    "train_attribute_classifier",
    "train_classifier",
    "train_feature_classifier",
    "train_judge",
    "training_set",
    "view_levels",
    "view_model",
    "view_models",
    "without_collapsed",
]
