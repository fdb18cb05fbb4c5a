"""The published games of autoencoders with a discriminator, as terms and weights for `compose_players`."""

from typing import TypeAlias

from jaxvae.losses.adversarial import Adversarial
from jaxvae.losses.adversarial_terms import (
    adversarial_fake,
    adversarial_generator,
    adversarial_real,
    feature_likelihood,
    gradient_penalty,
    sample_diversity,
)
from jaxvae.losses.kl import kl
from jaxvae.losses.players import Weights
from jaxvae.types import Prior, Schedule, Term

_Weights: TypeAlias = dict[str, dict[str, float | Schedule]]


def aae_players(
    game: Adversarial,
    reconstruction: Term,
    *,
    penalty: float = 0.0,
) -> tuple[dict[str, Term], Weights]:
    """The adversarial autoencoder's players: its two phases and its discriminator.

    "reconstruction" trains encoder and decoder. "regularization" trains the encoder as well, towards codes that the
    "discriminator" takes for draws from the prior.

    Args:
        game: as `adversarial` returns it.
        reconstruction: term that compares reconstructions with images.
        penalty: weight of the discriminator's gradient penalty; 0 leaves it out.

    Returns:
        Terms and weights.

    References:
        Makhzani et al., Adversarial Autoencoders, ICLR 2016 workshop, section 2.
    """
    terms: dict[str, Term] = {
        "reconstruction": reconstruction,
        "generator_code": adversarial_generator(game),
        "adversarial_prior": adversarial_real(game),
        "adversarial_code": adversarial_fake(game),
    }
    weights: _Weights = {
        "reconstruction": {"reconstruction": 1.0},
        "regularization": {"generator_code": 1.0},
        "discriminator": {"adversarial_prior": 1.0, "adversarial_code": 1.0},
    }
    return _penalized(terms, weights, penalty)


def wae_gan_players(
    game: Adversarial,
    reconstruction: Term,
    *,
    weight: float | Schedule,
    penalty: float = 0.0,
) -> tuple[dict[str, Term], _Weights]:
    """The adversarial autoencoder with its two phases as one update, and its discriminator: WAE-GAN.

    "autoencoder" trains encoder and decoder together, to reconstruct and towards codes that the "discriminator" takes
    for draws from the prior. The two phases of `aae_players` suit plain SGD. Adam divides each gradient by its size:
    once codes follow the prior, the gradient of the regularization is noise, and an Adam of its own takes full steps
    along it, at the reconstruction's cost. In one update a weight keeps both in proportion.

    Args:
        game: as `adversarial` returns it.
        reconstruction: term that compares reconstructions with images.
        weight: of the encoder's adversarial loss, in units of the reconstruction's.
        penalty: weight of the discriminator's gradient penalty; 0 leaves it out.

    Returns:
        Terms and weights.

    References:
        Tolstikhin et al., Wasserstein Auto-Encoders, ICLR 2018, Algorithm 1.
    """
    terms, published = aae_players(game, reconstruction, penalty=penalty)
    weights: _Weights = {
        "autoencoder": {"reconstruction": 1.0, "generator_code": weight},
        "discriminator": dict(published["discriminator"]),
    }
    return terms, weights


def vaegan_players(
    game: Adversarial, prior: Prior, *, gamma: float | Schedule = 1e-2, penalty: float = 0.0
) -> tuple[dict[str, Term], Weights]:
    """The VAE-GAN's players, those of Algorithm 1 but for a sign: encoder, decoder and discriminator.

    Let L_GAN = log D(x) + log(1 - D(x~)) + log(1 - D(x_p)), with x~ the reconstruction of x and x_p a sample; the
    discriminator maximizes it. With game "minimax", without smoothing and penalty, the encoder minimizes
    L_prior + L_like, the decoder gamma * L_like + L_GAN (without log D(x), which does not depend on the decoder), and
    the discriminator -L_GAN. In the algorithm as printed the decoder descends gamma * L_like - L_GAN and the
    discriminator L_GAN, so that the discriminator would learn to be wrong, and the decoder to be found out. Here both
    have the opposite sign, that of the text of the paper: the printed L_GAN is read as the cross-entropy.

    In a game that is not `bounded`, "wasserstein", the two kinds of fakes weigh 1/2 each, for the discriminator and the
    decoder. The discriminator then estimates the distance between real images and an even mixture of both kinds, and
    adding a constant to all logits changes no loss. In the other games each kind weighs 1, as in the algorithm.

    "sample_diversity" has no weight in any loss and is only logged.

    Args:
        game: as `adversarial` returns it.
        prior: p(z) of the codes.
        gamma: weight of the feature likelihood in the decoder's loss.
        penalty: weight of the discriminator's gradient penalty; 0 leaves it out.

    Returns:
        Terms and weights.

    References:
        Larsen et al., Autoencoding beyond pixels using a learned similarity metric, ICML 2016, Algorithm 1.
    """
    share = 1.0 if game.bounded else 0.5
    terms: dict[str, Term] = {
        "kl": kl(prior),
        "feature_likelihood": feature_likelihood(),
        "generator_reconstruction": adversarial_generator(game, which=0),
        "generator_sample": adversarial_generator(game, which=1),
        "adversarial_real": adversarial_real(game),
        "adversarial_reconstruction": adversarial_fake(game, which=0),
        "adversarial_sample": adversarial_fake(game, which=1),
        "sample_diversity": sample_diversity(which=1),
    }
    weights: _Weights = {
        "encoder": {"kl": 1.0, "feature_likelihood": 1.0},
        "decoder": {
            "feature_likelihood": gamma,
            "generator_reconstruction": share,
            "generator_sample": share,
        },
        "discriminator": {
            "adversarial_real": 1.0,
            "adversarial_reconstruction": share,
            "adversarial_sample": share,
        },
    }
    return _penalized(terms, weights, penalty)


def _penalized(terms: dict[str, Term], weights: _Weights, penalty: float) -> tuple[dict[str, Term], Weights]:
    if not penalty:
        return terms, weights
    return (
        terms | {"gradient_penalty": gradient_penalty()},
        weights | {"discriminator": weights["discriminator"] | {"gradient_penalty": penalty}},
    )
