"""Our side of a workload: network, objective and images.

Images are NHWC, uint8 in [0, 255] in data sets and float32 in [0, 1] in batches.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import numpy as np
from jaxtyping import UInt8

from benchmarks.workloads import BANDWIDTHS, HIDDEN, Game, Workload
from jaxvae import data, losses, models, train
from jaxvae.types import Prior, Term

GAME = "non_saturating"
"""Losses of every game's discriminator and of who deceives it."""


def make_model(workload: Workload, precision: str) -> Any:
    """The network, in this platform's default layout.

    Args:
        workload: what to train.
        precision: "bfloat16" for matrix products of that type; any other leaves arrays float32.

    Returns:
        A Flax module.
    """
    layout = models.layout(precision="bfloat16" if precision == "bfloat16" else "float32")
    if workload.family == "ladder":
        return models.VLAE(
            workload.image_shape,
            latent_sizes=workload.latent_sizes,
            widths=workload.widths,
            hidden=HIDDEN,
            layout=layout,
        )
    if workload.game is not None:
        return _make_game_model(workload, workload.game, layout)
    network = {"plain": models.VAE, "deep": models.DeepConvVAE}[workload.family]
    return network(
        workload.image_shape, latent_size=workload.latent_sizes[0], widths=workload.widths, layout=layout
    )


def _make_game_model(workload: Workload, game: Game, layout: models.Layout) -> Any:
    shape, (size,) = workload.image_shape, workload.latent_sizes
    if workload.family == "aae":
        return models.AAE(shape, size, workload.widths, game.widths, layout=layout)
    return models.VAEGAN(
        shape,
        size,
        workload.widths,
        game.widths,
        game.hidden,
        game.feature_layer,
        "batch" if game.norm else "none",
        layout=layout,
    )


def make_play(
    workload: Workload, model: Any, priors: Sequence[Prior]
) -> tuple[train.Losses, dict[str, train.Player]]:
    """Losses and players.

    Args:
        workload: what to train.
        model: of `make_model`.
        priors: as `make_objective` takes them; a game's players draw from the model's own.

    Returns:
        Loss of each player, and the players, each with Adam of a constant learning rate.
    """
    if workload.game is None:
        subtrees = tuple(jax.eval_shape(partial(models.init, model=model), jax.random.key(0))["params"])
        players = {"model": train.Player(subtrees, train.adam(1e-3))}
        return train.one_player("model", model, make_objective(workload, priors)), players
    terms, weights = make_game(workload, model)
    if workload.family == "aae":
        players = {
            "reconstruction": train.Player(("encoder", "decoder"), train.adam(1e-3)),
            "regularization": train.Player((), train.adam(1e-3), shares=("encoder",)),
            "discriminator": train.Player(("discriminator",), train.adam(1e-3)),
        }
    else:
        players = {name: train.Player((name,), train.adam(1e-3)) for name in weights}
    label = "label" if workload.family == "aae" else None
    objective = losses.compose_players(terms, weights)
    slopes = workload.game.penalty > 0
    return train.several_players(model, objective, label=label, slopes=slopes), players


def make_game(workload: Workload, model: Any) -> tuple[dict[str, Term], losses.Weights]:
    """The published game of a workload with several players.

    Args:
        workload: what to train.
        model: of `make_model`.

    Returns:
        Terms, and their weights in each player's loss.
    """
    rules, game = losses.adversarial(GAME), workload.game
    assert game is not None
    if workload.family == "aae":
        return losses.aae_players(rules, losses.reconstruction("bernoulli"), penalty=game.penalty)
    (prior,) = models.own_priors(model)
    return losses.vaegan_players(rules, prior, gamma=game.gamma, penalty=game.penalty)


def make_objective(workload: Workload, priors: Sequence[Prior]) -> losses.Objective:
    """The objective.

    Args:
        workload: what to train.
        priors: one for each level; the MMD draws from them.

    Returns:
        Weighted sum of the workload's terms.
    """
    terms = {
        "reconstruction": losses.reconstruction("bernoulli"),
        "ssim_loss": losses.ssim_loss(),
        "colour_loss": losses.colour_loss(),
        "mmd": losses.mmd(priors, losses.rbf(*BANDWIDTHS)),
        "kl": losses.kl(tuple(models.Normal(dim=size) for size in workload.latent_sizes)),
    }
    return losses.compose({name: terms[name] for name in workload.weights}, workload.weights)


def make_images(workload: Workload, *, examples: int = 6400) -> UInt8[np.ndarray, "n h w c"]:
    """The images: MNIST if the shape is MNIST's, else noise, which takes the same time.

    Args:
        workload: what to train.
        examples: how many images of noise to make.

    Returns:
        The images, in main memory.
    """
    if workload.image_shape == (28, 28, 1):
        return data.load("mnist", split="train").images
    return np.random.default_rng(0).integers(0, 256, (examples, *workload.image_shape), np.uint8)


def make_source(
    images: UInt8[np.ndarray, "n h w c"], batch_size: int, *, streamed: bool = False
) -> data.Source:
    """Batches of images from the device's memory, or from the host's.

    Args:
        images: of `make_images`.
        batch_size: examples in a batch.
        streamed: whether the device holds the images of a few steps only.

    Returns:
        The source that a train step gathers from.
    """
    dataset = data.from_arrays(images, np.zeros(len(images), np.int32), name="benchmark")
    return (data.Streamed if streamed else data.Resident)(dataset, batch_size=batch_size)
