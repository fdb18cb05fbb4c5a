"""Loss terms of discriminator, generator and encoder, from an `AdversarialOutput`."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxvae.losses._shapes import check_same_shape
from jaxvae.losses.adversarial import Adversarial
from jaxvae.types import AdversarialOutput, Batch, Output, Term


def adversarial_real(game: Adversarial) -> Term:
    """Term: the discriminator's loss on real examples.

    Args:
        game: as `adversarial` returns it.

    Returns:
        Term with [n].

    Raises:
        ValueError: (when the term is evaluated) the model has no discriminator.
    """
    return lambda key, output, batch: game.real(_adversarial_output(output).real_logits)


def adversarial_fake(game: Adversarial, *, which: int = 0) -> Term:
    """Term: the discriminator's loss on one kind of generated examples.

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
    """Term: the generator's loss on one kind of its examples.

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
        ValueError: (when the term is evaluated) the model returns no features, or features of unequal shape.

    References:
        Larsen et al., Autoencoding beyond pixels using a learned similarity metric, ICML 2016, equations 5 and 6.
    """

    def term(key: Key[Array, ""], output: Output, batch: Batch) -> Float[Array, " n"]:
        game = _adversarial_output(output)
        real, fake = game.real_features, game.fake_features
        if real is None or fake is None:
            raise ValueError(
                "feature_likelihood needs a discriminator that returns features, got one without."
            )
        check_same_shape("feature_likelihood", real_features=real, fake_features=fake)
        return 0.5 * jnp.sum(jnp.square(real - fake), axis=-1)

    return term


def gradient_penalty() -> Term:
    """Term: squared difference between 1 and the norm of the discriminator's gradient, between real and fake examples.

    Returns:
        Term with [n], averaged over the kinds of fakes.

    Raises:
        ValueError: (when the term is evaluated) the output has no slopes.

    References:
        Gulrajani et al., Improved Training of Wasserstein GANs, NIPS 2017, equation 3.
    """

    def term(key: Key[Array, ""], output: Output, batch: Batch) -> Float[Array, " n"]:
        slopes = _adversarial_output(output).slopes
        if not slopes:
            raise ValueError("gradient_penalty needs slopes, got none; build the losses with slopes=True.")
        return jnp.mean(jnp.square(jnp.stack(slopes) - 1), axis=0)

    return term


def sample_diversity(*, which: int = 0) -> Term:
    """Term: how much generated examples differ within a batch, relative to real ones; 0 in mode collapse.

    For monitoring, without gradient. Every example is compared with the next one in the batch, the last with the first.
    In mode "pmap" neighbours are on the same device, so the value depends slightly on the number of devices.

    Args:
        which: position of the kind in the model's `AdversarialOutput.fakes`.

    Returns:
        Term with [n], at least 0: root mean square difference between generated example i and the next, divided by
        the mean of that difference over the real examples. About 1 for fakes as diverse as the real examples; 0 if
        all real examples are equal.

    Raises:
        ValueError: (when the term is evaluated) the model has no discriminator.
    """

    def term(key: Key[Array, ""], output: Output, batch: Batch) -> Float[Array, " n"]:
        game = _adversarial_output(output)
        pairs = batch.mask * jnp.roll(batch.mask, -1)
        total = jnp.sum(pairs * _to_next(game.real))
        scale = jnp.sum(pairs) / jnp.where(total > 0, total, jnp.inf)
        return jax.lax.stop_gradient(scale * _to_next(game.fakes[which]))

    return term


def _to_next(x: Float[Array, "n ..."]) -> Float[Array, " n"]:
    difference = (x - jnp.roll(x, -1, axis=0)).reshape(len(x), -1)
    return jnp.sqrt(jnp.mean(jnp.square(difference), axis=1))


def _adversarial_output(output: Output) -> AdversarialOutput:
    if not isinstance(output, AdversarialOutput):
        raise ValueError(
            "an adversarial term needs an AdversarialOutput, as a model's `play` returns it, got "
            f"{type(output).__name__}."
        )
    return output
