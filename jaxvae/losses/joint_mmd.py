"""Squared maximum mean discrepancy of the codes of all levels together.

`jaxvae.losses.mmd` compares each level with its prior, and cannot see that levels depend on each other.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxvae.losses._devices import gathered
from jaxvae.losses._levels import priors_by_level
from jaxvae.losses.mmd import mmd2
from jaxvae.types import Batch, Kernel, Output, Prior, Term


def joint_mmd(prior: Prior | Sequence[Prior], kernel: Kernel) -> Term:
    """Term: unbiased squared MMD between the batch's codes [z_1, ..., z_L] and draws from the product of the priors.

    It is 0 only where every level follows its prior and no level says anything of another, so that codes drawn level
    by level are codes that the decoder has seen.

    Args:
        prior: one prior for all levels, or one per level.
        kernel: symmetric function of two points [d], d the sum of the levels' sizes.

    Returns:
        Term with a scalar in kernel units. Padded examples don't count. If a batch is spread over devices, the codes
        are gathered, so that each device computes the value of the global batch.

    Raises:
        ValueError: when the term is evaluated, levels and priors differ in number.
    """

    def term(key: Key[Array, ""], output: Output, batch: Batch) -> Float[Array, ""]:
        mask = gathered(batch.mask, batch.axis_name)
        codes = gathered(jnp.concatenate(output.latents, axis=1), batch.axis_name)
        draws = [
            p.sample(jax.random.fold_in(key, index), len(mask))
            for index, p in priors_by_level(prior, level=None, levels=len(output.latents))
        ]
        return mmd2(codes, jnp.concatenate(draws, axis=1), kernel=kernel, mask=mask)

    return term
