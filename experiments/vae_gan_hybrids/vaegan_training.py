"""Training of the VAE-GAN's rows: its game, the same without its likelihood, and the ELBO."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import optax

import jaxvae
from experiments.vae_gan_hybrids.vaegan_config import VAEGANConfig
from experiments.vae_gan_hybrids.vaegan_rows import Row
from jaxvae import data, losses, models, study, train

_REAL, _FAKE = ("adversarial_real",), ("adversarial_reconstruction", "adversarial_sample")


def with_attributes(experiment: study.Experiment, config: VAEGANConfig) -> study.Experiment:
    """The experiment on images that have the attributes that are asked for, or their classes as such.

    Some combinations of attributes are left out of training.

    Raises:
        ValueError: an unknown attribute, one that all or none of the training images have, or images without any.
    """
    training = data.select_attributes(experiment.source.dataset, config.attributes)
    test = data.select_attributes(experiment.test_set, config.attributes)
    if experiment.source.dataset.attributes is not None and test.attributes is not None:
        training = data.hold_out_combinations(training, test.attributes, config.hold_out, seed=config.seed)
    data.check_attributes(training)
    batches = data.batches(test, batch_size=min(250, len(test)))
    source = data.serve(training, batch_size=config.batch_size, remainder=config.remainder)
    return replace(experiment, source=source, test_set=test, batches=batches)


def attribute_names(experiment: study.Experiment) -> tuple[str, ...]:
    """What the attributes are called."""
    attributes = experiment.source.dataset.attributes
    return () if attributes is None else attributes.names


def make_model(experiment: study.Experiment, config: VAEGANConfig, row: Row) -> models.VAEGAN:
    """The networks of a row."""
    given = len(attribute_names(experiment)) if row.conditional else 0
    shape = experiment.source.dataset.spec.image_shape
    return config.make_model(shape, attributes=given, layout=experiment.layout)


def make_replicas(config: VAEGANConfig, name: str) -> list[train.Replica]:
    """All seeds of a row."""
    return [train.Replica(name, config.seed + place, {}) for place in range(config.seeds)]


def make_game(config: VAEGANConfig, model: models.VAEGAN, row: Row, *, steps: int) -> study.Game:
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
    if row.kind == "gan":
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
        label=models.told(model),
        noise=optax.linear_schedule(config.instance_noise, 0.0, steps) if config.instance_noise else None,
    )


def train_row(
    experiment: study.Experiment, config: VAEGANConfig, name: str, row: Row
) -> Sequence[jaxvae.Run]:
    """All seeds of a row."""
    model, replicas = make_model(experiment, config, row), make_replicas(config, name)
    steps = config.epochs * experiment.source.steps_per_epoch
    common: dict[str, Any] = {
        "model": model,
        "epochs": config.epochs,
        "validation": experiment.batches[::5],
        "augment": data.flip_horizontally if config.flip else None,
        "part": row.program,
    }
    if row.kind == "vae":
        (prior,) = models.own_priors(model)
        terms = {"reconstruction": losses.reconstruction("bernoulli"), "kl": losses.kl(prior)}
        weights = dict.fromkeys(terms, 1.0)
        state = experiment.fit(
            replicas,
            objective=lambda axis: losses.compose(terms, weights, axis_name=axis),
            optimizer=train.adam(train.schedule(config.learning_rate, steps=steps)),
            **common,
        )
    else:
        state = study.fit_game(
            experiment, replicas, game=make_game(config, model, row, steps=steps), **common
        )
    return experiment.runs(replicas, state, model=model, part=row.program)
