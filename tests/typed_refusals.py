"""What the type checker must refuse: mypy itself is the test, since it reports a `type: ignore` that nothing needs."""

import jax

from jaxvae.losses.adversarial import adversarial
from jaxvae.types import Logits


def logits_are_accepted(x: Logits) -> jax.Array:
    return adversarial("hinge").real(x)


def probabilities_are_refused(x: Logits) -> jax.Array:
    return adversarial("hinge").real(jax.nn.sigmoid(x))  # type: ignore[arg-type]
