"""The VAE-GAN beside the VAE and the GAN that it joins, with attributes and without."""

from functools import partial

import optax

from experiments.vae_gan_hybrids.vaegan_config import VARIANTS, VAEGANConfig, Variant
from experiments.vae_gan_hybrids.vaegan_measures import Measures, attribute_names
from experiments.vae_gan_hybrids.vaegan_page import make_blocks, make_tables, verdict
from jaxvae import data, losses, models, study, train

_REAL, _FAKE = ("adversarial_real",), ("adversarial_reconstruction", "adversarial_sample")

INTRO = (
    "A variational autoencoder whose reconstructions a discriminator compares in its own features, and whose decoder "
    "has to deceive it; beside the autoencoder and the adversarial network that it joins, with attributes and without."
)


def main(config: VAEGANConfig) -> None:
    """Trains the variants, measures them, and writes the report."""
    variants = {name: VARIANTS[name] for name in config.variants}
    experiment = study.Experiment.open(
        "vae_gan_hybrids", config, parts=study.parts(variants), select=partial(select, config), least=2
    )
    for variant in variants.values():
        make_model(experiment, config, variant)
    inception = study.find_inception(config)
    classifier = study.train_attribute_classifier(experiment, epochs=config.classifier_epochs)
    trained = experiment.train_variants(variants, partial(make_training, experiment, config))
    kinds = {name: variant.kind for name, variant in variants.items()}
    measures = Measures(experiment, config, kinds, classifier, inception)
    standing = study.without_collapsed(trained, measures, least=config.least_diversity)
    tables = make_tables(experiment, standing, measures)
    words, runs = verdict(tables[0].rows, ceiling=classifier.accuracy), study.first_runs(standing)
    experiment.publish(
        title="VAE-GAN",
        intro=INTRO,
        tables=tables,
        blocks=make_blocks(experiment, tables, runs, measures, words=words),
        summary=measures.protocol,
        words=words,
    )


def select(
    config: VAEGANConfig, training: data.Dataset, test: data.Dataset
) -> tuple[data.Dataset, data.Dataset]:
    """Gives images the attributes that are asked for, or their classes as such.

    Some combinations of attributes are left out of training.

    Raises:
        ValueError: an unknown attribute, one that all or none of the training images have, or images without any.
    """
    known = training.attributes is not None
    training, test = (data.select_attributes(each, config.attributes) for each in (training, test))
    if known and test.attributes is not None:
        training = data.hold_out_combinations(training, test.attributes, config.hold_out, seed=config.seed)
    data.check_attributes(training)
    return training, test


def make_training(
    experiment: study.Experiment, config: VAEGANConfig, variants: dict[str, Variant]
) -> study.Training:
    """How a variant trains: a game with a discriminator, or the evidence lower bound."""
    ((name, variant),) = variants.items()
    model, steps = make_model(experiment, config, variant), experiment.steps()
    augment = data.flip_horizontally if config.flip else None
    if variant.kind != "vae":
        game = make_game(config, model, variant, steps=steps)
        return study.Training(
            model=model, game=game, variants={name: {}}, augment=augment, ema_decay=config.ema
        )
    (prior,) = models.own_priors(model)
    terms = {"reconstruction": losses.reconstruction("bernoulli"), "kl": losses.kl(prior)}
    return study.Training(
        model=model,
        terms=terms,
        weights=dict.fromkeys(terms, 1.0),
        optimizer=train.adam(train.schedule(config.learning_rate, steps=steps)),
        variants={name: {}},
        augment=augment,
        ema_decay=config.ema,
    )


def make_model(experiment: study.Experiment, config: VAEGANConfig, variant: Variant) -> models.VAEGAN:
    """The networks of a variant."""
    given = len(attribute_names(experiment)) if variant.conditional else 0
    return config.make_model(experiment.image_shape, attributes=given, layout=experiment.layout)


def make_game(config: VAEGANConfig, model: models.VAEGAN, variant: Variant, *, steps: int) -> study.Game:
    """Encoder, decoder and discriminator; of a GAN, the encoder and the decoder have nothing to reconstruct."""
    (prior,) = models.own_priors(model)
    terms, published = losses.vaegan_players(
        losses.adversarial(config.game, smoothing=config.smoothing),
        prior,
        gamma=config.gamma,
        penalty=config.penalty,
    )
    weights = {player: dict(own) for player, own in published.items()}
    weights["encoder"]["kl"] = config.beta
    if variant.kind == "gan":
        del terms["feature_likelihood"]
        for player in ("encoder", "decoder"):
            del weights[player]["feature_likelihood"]
    rate = train.schedule(config.learning_rate, steps=steps)
    return study.Game(
        terms=terms,
        weights=weights,
        players={name: train.Player((name,), train.adversarial_adam(rate)) for name in weights},
        rule=losses.equilibrium(
            _REAL, _FAKE, target=config.equilibrium_target, margin=config.equilibrium_margin
        )
        if config.equilibrium
        else None,
        label=model.label_field,
        noise=optax.linear_schedule(config.instance_noise, 0.0, steps) if config.instance_noise else None,
    )
