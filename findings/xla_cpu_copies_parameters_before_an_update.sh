#!/usr/bin/env bash
# XLA:CPU copies the parameters at the start of every turn of a training loop, although their buffer is donated and the
# update could be made in its place.
#
# A gradient step in `fori_loop`: the new parameters must lie where the old ones were. The product that hands the
# gradient down to the layer below reads the old ones too, and nothing that it makes is needed for their update, so the
# compiler, which fixes no order between the two, keeps the old ones by a copy in every turn. An optimization barrier
# around all gradients makes every update wait for them all, and the copies go. It must be kept from the pass that drops
# barriers (`cse_barrier_expander`). Copies of 512 x 512 matrices in one turn, of three layers, with jax 0.10.2 on two
# cores:
#
#     as it comes: 2 copies of a matrix
#     with a barrier: 0
#
# Fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2
JAX_PLATFORMS=cpu "$folder/venv/bin/python" - <<'PYTHON' | tee "$folder/out"
import re

import jax
import jax.numpy as jnp
from jax import lax

OPTIONS = {"xla_disable_hlo_passes": "cse_barrier_expander"}


def copies(barrier):
    def loss(params, x):
        for kernel in params:
            x = jnp.sin(x @ kernel)
        return jnp.sum(x)

    def turn(_, params):
        gradients = barrier(jax.grad(loss)(params, jnp.ones((128, 512))))
        return jax.tree.map(lambda p, g: p - 1e-3 * g, params, gradients)

    train = jax.jit(
        lambda params, n: lax.fori_loop(0, n, turn, params), donate_argnums=0, compiler_options=OPTIONS
    )
    kernel = jax.ShapeDtypeStruct((512, 512), jnp.float32)
    text = train.lower([kernel] * 3, 5).compile().as_text()
    return len(re.findall(r"= f32\[512,512\]\S* copy\(", text))


print(f"as it comes: {copies(lambda g: g)} copies of a matrix")
print(f"with a barrier: {copies(lax.optimization_barrier)}")
PYTHON
printf 'as it comes: 2 copies of a matrix\nwith a barrier: 0\n' | diff - "$folder/out"
