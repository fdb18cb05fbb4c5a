"""A deep convolutional VAE of photographs that dreams of winged horses.

Reproduces the report "Deep convolutional variational autoencoder to generate winged horses": structural similarity and
a colour loss in place of squared error, and images between horses and birds. Beyond it, samples come from a mixture of
Gaussians and from a second VAE, both fitted to the encoded training set, beside those from the prior.

    python -m experiments.winged_horses --data cifar10 --workdir runs/winged_horses_cifar10
    python -m experiments.winged_horses --data folder:PICTURES --image-size 96
    python -m experiments.winged_horses --classes horse bird
    python -m experiments.winged_horses --preset ablation
"""

from functools import partial
from typing import Any

from experiments.winged_horses import dreams
from experiments.winged_horses.config import (
    COMMON_TERMS,
    EXTRA_TERMS,
    PRESETS,
    Config,
    Variant,
    make_variants,
)
from experiments.winged_horses.measures import Measures
from experiments.winged_horses.page import make_blocks, make_tables, verdict
from jaxvae import cli, data, losses, models, study, train
from jaxvae.types import Term

INTRO = (
    "A deep convolutional variational autoencoder of photographs, trained on structural similarity and coarse colour "
    "rather than on squared error, after a report that set out to see winged horses."
)


def main(config: Config) -> None:
    """Trains the variants, measures them, dreams, and writes the report."""
    variants = make_variants(config)
    experiment = study.Experiment.open("winged_horses", config, parts=study.parts(variants))
    check(experiment, config)
    inception = study.find_inception(config)
    trained = experiment.train_variants(variants, partial(make_training, experiment, config))
    measures = Measures(experiment, config, inception)
    tables = make_tables(experiment, trained, measures)
    runs, words = study.first_runs(trained), verdict(tables[0].rows)
    blocks = make_blocks(experiment, tables, variants, runs, measures)
    summary, results = dict(measures.protocol), list(tables)
    if config.dream and config.variants[-1] in runs:
        section = dreams.run(experiment, config, runs[config.variants[-1]])
        blocks, results = [*section.blocks, *blocks], [*tables, *section.tables]
        words, summary = f"{words} {section.words}".strip(), summary | dict(section.summary)
    experiment.publish(
        title="Winged horses from a deep convolutional VAE",
        intro=INTRO,
        tables=results,
        blocks=blocks,
        summary=summary,
        words=words,
    )


def check(experiment: study.Experiment, config: Config) -> None:
    """Refuses what could not be measured or dreamt of, before anything is written.

    Raises:
        ValueError: too few images, or an unknown class.
    """
    if len(experiment.test_set) + len(experiment.train_set) < 4:
        raise ValueError("distances of sets need at least four images; add some or raise --limit.")
    if config.dream:
        dreams.find_pair(experiment.train_set, config.pair)


def make_training(
    experiment: study.Experiment, config: Config, variants: dict[str, Variant]
) -> study.Training:
    """How the variants of one program train."""
    first, shape = next(iter(variants.values())), experiment.image_shape
    model = make_model(experiment, config, first)
    terms = make_terms(first, model)
    return study.Training(
        model=model,
        terms=terms,
        weights=dict.fromkeys(terms, 1.0),
        optimizer=train.adam(train.schedule(config.learning_rate, steps=experiment.steps())),
        variants={name: make_weights(config, variant, shape) for name, variant in variants.items()},
        augment=data.flip_horizontally if config.flip else None,
    )


def make_model(experiment: study.Experiment, config: Config, variant: Variant) -> models.DeepConvVAE:
    """The network of a variant."""
    used = variant.deep_features if "deep_features" in variant.terms else "off"
    return config.make_model(
        experiment.image_shape, layout=experiment.layout, deep_features=used, **variant.network
    )


def make_terms(variant: Variant, model: models.DeepConvVAE) -> dict[str, Term]:
    """Terms of a variant's loss; the first three are computed in every variant, if only to be looked at."""
    terms = {
        "squared_error": losses.distance("squared"),
        "ssim_loss": losses.ssim_loss(),
        "colour_loss": losses.colour_loss(),
        "kl": losses.kl(models.own_priors(model), method=variant.kl or "closed_form"),
    }
    if "ms_ssim_loss" in variant.terms:
        terms["ms_ssim_loss"] = losses.ms_ssim_loss()
    if "deep_features" in variant.terms:
        terms["deep_features"] = losses.deep_features()
    if "vgg" in variant.terms:
        terms["vgg"] = losses.perceptual(vgg_features())
    return terms


def vgg_features() -> losses.Features:
    """VGG16's activations before four of its poolings, as LPIPS takes them."""
    network, weights = models.VGG16(), models.load_vgg16()

    def features(images: Any) -> Any:
        return network.apply(weights.variables, images)

    return features


def make_weights(config: Config, variant: Variant, image_shape: tuple[int, int, int]) -> dict[str, float]:
    """Weight of each term of a variant's loss. Averages over an image weigh as much as its pixels and channels."""
    height, width, channels = image_shape
    averages = {
        "ssim_loss": config.ssim_weight,
        "colour_loss": config.colour_weight,
        "ms_ssim_loss": config.ms_ssim_weight,
        "deep_features": config.deep_features_weight,
    }
    weights = {term: weight * height * width * channels for term, weight in averages.items()}
    weights |= {"squared_error": config.mse_weight, "vgg": config.vgg_weight}
    extras = [term for term in EXTRA_TERMS if term in variant.terms]
    used = {term: weights[term] * (term in variant.terms) for term in (*COMMON_TERMS, *extras)}
    return used | {"kl": config.beta}


if __name__ == "__main__":
    cli.launch(main, PRESETS, description=__doc__)
