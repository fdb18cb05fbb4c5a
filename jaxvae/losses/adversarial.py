"""Losses of a discriminator and of whoever wants to deceive it, from the discriminator's logits [n].

Logits are unbounded and large for what the discriminator takes for real. Every loss is to be minimized, in nats
where it is a likelihood. A probability has no place here, and its type does not fit: what the discriminator of a
model returns are `jaxvae.types.Logits`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxvae.types import Logits

OfLogits: TypeAlias = Callable[[Logits], Float[Array, " n"]]
"""Logits to one loss for each, [n] to [n]."""


@dataclass(frozen=True, kw_only=True)
class Adversarial:
    """Two opposing losses of the same logits.

    Attributes:
        real: the discriminator's, of the logits of what is real.
        fake: the discriminator's, of the logits of what is generated.
        generator: the generator's, of the logits of what is generated.
        bounded: whether the discriminator's losses are at least 0. Where they are not, it could gain without end by
            shifting all logits alike, unless what is real and all kinds of what is generated weigh the same.
    """

    real: OfLogits
    fake: OfLogits
    generator: OfLogits
    bounded: bool = True


def bernoulli_adversarial(logits: Logits, *, target: float) -> Float[Array, " n"]:
    """Cross-entropy of the discriminator's sigmoid with the share `target` of "real".

    Args:
        logits: [n], unbounded.
        target: probability that the discriminator should give, in [0, 1].

    Returns:
        [n] nats, finite however saturated the logits are; -log D for target 1, -log(1 - D) for target 0.

    References:
        Goodfellow et al., Generative Adversarial Nets, NIPS 2014, equation 1.
    """
    return target * jax.nn.softplus(-logits) + (1 - target) * jax.nn.softplus(logits)


def squared_adversarial(logits: Logits, *, target: float) -> Float[Array, " n"]:
    """Half the squared distance of the logits from a target.

    Args:
        logits: [n].
        target: 1 for real, 0 for fake.

    Returns:
        [n], at least 0.

    References:
        Mao et al., Least Squares Generative Adversarial Networks, ICCV 2017, equation 9.
    """
    return 0.5 * jnp.square(logits - target)


def hinge_adversarial(logits: Logits, *, sign: float) -> Float[Array, " n"]:
    """How much the logits lack of a margin of 1 on their side of 0.

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

    - "minimax": the discriminator maximizes log D(real) + log(1 - D(fake)), and the generator minimizes just that.
    - "non_saturating": the same discriminator; the generator maximizes log D(fake), whose gradient lasts where the
      discriminator is certain.
    - "least_squares": half the squared distance of logits from 1 for real and 0 for fake; the generator's from 1.
    - "hinge": the discriminator wants logits above 1 for real and below -1 for fake; the generator large ones.
    - "wasserstein": logits as they are, large for real; the discriminator needs `gradient_penalty` beside it, and
      as much weight on what is real as on all that is generated.

    Args:
        name: one of the above.
        smoothing: what the discriminator's target for real lacks of 1, in [0, 0.5); the target for fake stays 0
            (one-sided). Only losses with a target have it: "minimax", "non_saturating", "least_squares".

    Returns:
        Three functions of logits.

    Raises:
        ValueError: unknown name, or smoothing out of its range or where there is no target.

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


def _bernoulli(generator: OfLogits, target: float) -> Adversarial:
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
"""By name, each a function of the discriminator's target for what is real."""
