"""Terms of the players of a game: what a discriminator and its opponents make of an `AdversarialOutput`."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxvae.losses.adversarial import Adversarial
from jaxvae.types import AdversarialOutput, Batch, Output, Term


def adversarial_real(game: Adversarial) -> Term:
    """Term: the discriminator's loss of what is real.

    Args:
        game: as `adversarial` returns it.

    Returns:
        Term with [n].

    Raises:
        ValueError: (when the term is evaluated) the model has no discriminator.
    """
    return lambda key, output, batch: game.real(_adversarial_output(output).real_logits)


def adversarial_fake(game: Adversarial, *, which: int = 0) -> Term:
    """Term: the discriminator's loss of one kind of what is generated.

    Args:
        game: as `adversarial` returns it.
        which: position of the kind in the model's `AdversarialOutput.fakes`.

    Returns:
        Term with [n].

    Raises:
        ValueError: (when the term is evaluated) the model has no discriminator.
    """
    return lambda key, output, batch: game.fake(_adversarial_output(output).fake_logits[which])


def adversarial_generator(game: Adversarial, *, which: int = 0) -> Term:
    """Term: the generator's loss of one kind of what it generates.

    Args:
        game: as `adversarial` returns it.
        which: position of the kind in the model's `AdversarialOutput.fakes`.

    Returns:
        Term with [n].

    Raises:
        ValueError: (when the term is evaluated) the model has no discriminator.
    """
    return lambda key, output, batch: game.generator(_adversarial_output(output).fake_logits[which])


def feature_likelihood() -> Term:
    """Term: -log p(features of the image | z), Gaussian of unit variance around the reconstruction's features.

    Returns:
        Term with [n] nats summed over features, without the constant (number of features / 2) log 2 pi.

    Raises:
        ValueError: (when the term is evaluated) the model compares no features.

    References:
        Larsen et al., Autoencoding beyond pixels using a learned similarity metric, ICML 2016, equations 5 and 6.
    """

    def term(key: Key[Array, ""], output: Output, batch: Batch) -> Float[Array, " n"]:
        played = _adversarial_output(output)
        if played.real_features is None or played.fake_features is None:
            raise ValueError(
                "feature_likelihood needs a discriminator that returns features, got one without."
            )
        return 0.5 * jnp.sum(jnp.square(played.real_features - played.fake_features), axis=-1)

    return term


def gradient_penalty() -> Term:
    """Term: squared distance of the discriminator's slope from 1, on the way from real to fake, over all kinds of fake.

    Returns:
        Term with [n].

    Raises:
        ValueError: (when the term is evaluated) slopes were not asked for.

    References:
        Gulrajani et al., Improved Training of Wasserstein GANs, NIPS 2017, equation 3.
    """

    def term(key: Key[Array, ""], output: Output, batch: Batch) -> Float[Array, " n"]:
        slopes = _adversarial_output(output).slopes
        if not slopes:
            raise ValueError("gradient_penalty needs slopes, got none; make the losses with slopes=True.")
        return jnp.mean(jnp.square(jnp.stack(slopes) - 1), axis=0)

    return term


def sample_diversity(*, which: int = 0) -> Term:
    """Term: how far what is generated differs within a batch, over how far what is real does; 0 in mode collapse.

    A number to watch, without gradient. Every example is compared with the next of the batch, the last with the first;
    under `pmap` within each device's share, so that there it depends a little on the number of devices.

    Args:
        which: position of the kind in the model's `AdversarialOutput.fakes`.

    Returns:
        Term with [n], at least 0: the root mean square distance of generated example i from the next, over the mean of
        that distance among the real ones. About 1 for fakes that are as different as what is real; 0 where no two
        real examples differ.

    Raises:
        ValueError: (when the term is evaluated) the model has no discriminator.
    """

    def term(key: Key[Array, ""], output: Output, batch: Batch) -> Float[Array, " n"]:
        played = _adversarial_output(output)
        pairs = batch.mask * jnp.roll(batch.mask, -1)
        total = jnp.sum(pairs * _to_next(played.real))
        share = jnp.sum(pairs) / jnp.where(total > 0, total, jnp.inf)
        return jax.lax.stop_gradient(share * _to_next(played.fakes[which]))

    return term


def _to_next(x: Float[Array, "n ..."]) -> Float[Array, " n"]:
    difference = (x - jnp.roll(x, -1, axis=0)).reshape(len(x), -1)
    return jnp.sqrt(jnp.mean(jnp.square(difference), axis=1))


def _adversarial_output(output: Output) -> AdversarialOutput:
    if not isinstance(output, AdversarialOutput):
        raise ValueError(
            "an adversarial term needs what a model's `play` returns, an AdversarialOutput, got "
            f"{type(output).__name__}."
        )
    return output
