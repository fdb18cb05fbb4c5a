"""Losses of a discriminator and of the generator that tries to fool it, from the discriminator's logits [n].

Logits are unbounded; large ones mean "real". Every loss is minimized, and in nats where it is a likelihood. A
discriminator returns `jaxvae.types.Logits`, so that a type checker refuses probabilities here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxvae.losses._floats import in_float32
from jaxvae.types import Logits

LogitLoss: TypeAlias = Callable[[Logits], Float[Array, " n"]]
"""Maps logits [n] to one loss per logit, [n]."""


@dataclass(frozen=True, kw_only=True)
class Adversarial:
    """The losses of discriminator and generator, all functions of the discriminator's logits.

    Attributes:
        real: the discriminator's loss on the logits of real examples.
        fake: the discriminator's loss on the logits of generated examples.
        generator: the generator's loss on the logits of generated examples.
        bounded: whether the discriminator's losses are at least 0. If they are not, the discriminator could lower its
            loss without limit by adding a constant to all logits, unless real examples weigh as much as all kinds of
            generated examples together.
    """

    real: LogitLoss
    fake: LogitLoss
    generator: LogitLoss
    bounded: bool = True


@in_float32
def bernoulli_adversarial(logits: Logits, *, target: float) -> Float[Array, " n"]:
    """Cross-entropy between the discriminator's sigmoid and a target probability of "real".

    Args:
        logits: [n], unbounded.
        target: probability of "real" that the discriminator should output, in [0, 1].

    Returns:
        [n] nats, finite for any logits; -log D for target 1, -log(1 - D) for target 0.

    References:
        Goodfellow et al., Generative Adversarial Nets, NIPS 2014, equation 1.
    """
    return target * jax.nn.softplus(-logits) + (1 - target) * jax.nn.softplus(logits)


@in_float32
def squared_adversarial(logits: Logits, *, target: float) -> Float[Array, " n"]:
    """Half the squared difference between logits and a target.

    Args:
        logits: [n].
        target: 1 for real, 0 for fake.

    Returns:
        [n], at least 0.

    References:
        Mao et al., Least Squares Generative Adversarial Networks, ICCV 2017, equation 9.
    """
    return 0.5 * jnp.square(logits - target)


@in_float32
def hinge_adversarial(logits: Logits, *, sign: float) -> Float[Array, " n"]:
    """How far the logits fall short of a margin of 1 on their side of 0.

    Args:
        logits: [n].
        sign: 1 for real, -1 for fake.

    Returns:
        [n], at least 0.

    References:
        Lim & Ye, Geometric GAN, 2017 (arXiv:1705.02894); Miyato et al., Spectral Normalization for Generative
        Adversarial Networks, ICLR 2018, equations 16 and 17.
    """
    return jax.nn.relu(1 - sign * logits)


def adversarial(name: str, *, smoothing: float = 0.0) -> Adversarial:
    """The losses of a game between a discriminator and a generator.

    With D = sigmoid(logit) the probability of "real":

    - "minimax": the discriminator maximizes log D(real) + log(1 - D(fake)), which the generator minimizes.
    - "non_saturating": the same discriminator; the generator maximizes log D(fake), whose gradient does not vanish
      where the discriminator is certain.
    - "least_squares": the discriminator minimizes half the squared difference between logits and 1 for real, 0 for
      fake; the generator half the squared difference between the fakes' logits and 1.
    - "hinge": the discriminator pushes logits above 1 for real and below -1 for fake; the generator maximizes them.
    - "wasserstein": the logits themselves, large for real. The discriminator also needs a `gradient_penalty`, and real
      examples must weigh as much as all generated ones together.

    Args:
        name: one of the above.
        smoothing: how far the discriminator's target for real is below 1, in [0, 0.5); the target for fake stays 0
            (one-sided). Only for losses with a target: "minimax", "non_saturating", "least_squares".

    Returns:
        The three losses, functions of logits.

    Raises:
        ValueError: unknown name, smoothing out of its range, or smoothing of a loss without a target.

    References:
        Goodfellow et al., NIPS 2014, section 3; Salimans et al., Improved Techniques for Training GANs, NIPS 2016,
        section 3.4 (smoothing); Gulrajani et al., Improved Training of Wasserstein GANs, NIPS 2017, equation 3.
    """
    if name not in ADVERSARIAL:
        raise ValueError(f"adversarial loss must be one of {', '.join(ADVERSARIAL)}, got {name!r}.")
    if not 0 <= smoothing < 0.5:
        raise ValueError(f"label smoothing must be in [0, 0.5), got {smoothing}.")
    if smoothing and name in ("hinge", "wasserstein"):
        raise ValueError(
            f"{name} has no target that could be smoothed, got smoothing={smoothing}; leave it out."
        )
    return ADVERSARIAL[name](1 - smoothing)


def _bernoulli(generator: LogitLoss, target: float) -> Adversarial:
    real, fake = (partial(bernoulli_adversarial, target=t) for t in (target, 0.0))
    return Adversarial(real=real, fake=fake, generator=generator)


def _least_squares(target: float) -> Adversarial:
    real, fake, generator = (partial(squared_adversarial, target=t) for t in (target, 0.0, 1.0))
    return Adversarial(real=real, fake=fake, generator=generator)


def _hinge(target: float) -> Adversarial:
    real, fake = (partial(hinge_adversarial, sign=s) for s in (1.0, -1.0))
    return Adversarial(real=real, fake=fake, generator=jnp.negative)


def _wasserstein(target: float) -> Adversarial:
    return Adversarial(real=jnp.negative, fake=jnp.positive, generator=jnp.negative, bounded=False)


ADVERSARIAL: Mapping[str, Callable[[float], Adversarial]] = {
    "minimax": partial(_bernoulli, lambda logits: -jax.nn.softplus(logits)),
    "non_saturating": partial(_bernoulli, lambda logits: jax.nn.softplus(-logits)),
    "least_squares": _least_squares,
    "hinge": _hinge,
    "wasserstein": _wasserstein,
}
"""Adversarial losses by name, each a function of the discriminator's target for real examples."""
