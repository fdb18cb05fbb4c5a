"""Training of the adversarial autoencoder's rows: a game for those that have one, the ELBO for the VAEs."""

from collections.abc import Sequence

import jaxvae
from experiments.vae_gan_hybrids.aae_config import AAEConfig
from experiments.vae_gan_hybrids.aae_rows import Row
from jaxvae import data, losses, models, study, train

RECONSTRUCTION = losses.reconstruction("bernoulli")


def make_model(experiment: study.Experiment, config: AAEConfig, row: Row) -> models.AAE:
    """The network of a row; a VAE is one whose discriminator nobody asks."""
    spec = experiment.source.dataset.spec
    return models.AAE(
        spec.image_shape,
        2,
        config.widths,
        config.hidden,
        row.prior,
        max(len(spec.class_names), 1),
        gaussian=config.gaussian or not row.adversarial,
        informed=row.informed,
        layout=experiment.layout,
    )


def make_replicas(config: AAEConfig, name: str) -> list[train.Replica]:
    """All seeds of a row."""
    return [train.Replica(name, config.seed + place, {}) for place in range(config.seeds)]


def make_game(config: AAEConfig, row: Row, *, steps: int) -> study.Game:
    """Reconstruction and regularization as two updates of one step, and the discriminator."""
    terms, weights = losses.aae_players(
        losses.adversarial(config.game, smoothing=config.smoothing), RECONSTRUCTION, penalty=config.penalty
    )
    rate, regularization, discriminator = (
        train.schedule(peak, steps=steps)
        for peak in (
            config.learning_rate,
            row.rate_factor * config.regularization_rate,
            config.discriminator_rate,
        )
    )
    players = {
        "reconstruction": train.Player(("encoder", "decoder"), train.adam(rate)),
        "regularization": train.Player((), train.adversarial_adam(regularization), shares=("encoder",)),
        "discriminator": train.Player(("discriminator",), train.adversarial_adam(discriminator)),
    }
    return study.Game(terms=terms, weights=weights, players=players, label="label")


def train_row(experiment: study.Experiment, config: AAEConfig, name: str, row: Row) -> Sequence[jaxvae.Run]:
    """All seeds of a row."""
    model, replicas = make_model(experiment, config, row), make_replicas(config, name)
    steps = config.epochs * experiment.source.steps_per_epoch
    if row.adversarial:
        state = study.fit_game(
            experiment,
            replicas,
            model=model,
            game=make_game(config, row, steps=steps),
            epochs=config.epochs,
            validation=experiment.batches[::5],
            part=row.program,
            source=hidden(experiment, config) if row.informed else None,
        )
    else:
        terms = {"reconstruction": RECONSTRUCTION, "kl": losses.kl(models.own_priors(model))}
        state = experiment.fit(
            replicas,
            model=model,
            objective=lambda axis: losses.compose(terms, dict.fromkeys(terms, 1.0), axis_name=axis),
            optimizer=train.adam(train.schedule(config.learning_rate, steps=steps)),
            epochs=config.epochs,
            validation=experiment.batches[::5],
            part=row.program,
        )
    return experiment.runs(replicas, state, model=model, part=row.program)


def hidden(experiment: study.Experiment, config: AAEConfig) -> data.Source:
    """The training images, of which a share has no labels."""
    if not config.unlabelled:
        return experiment.source
    dataset = data.hide_labels(experiment.source.dataset, config.unlabelled, seed=config.seed)
    return data.serve(dataset, batch_size=config.batch_size, remainder=config.remainder)
