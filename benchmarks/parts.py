"""Parts of a train step as programs of their own."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from benchmarks.networks import make_images, make_model, make_source
from benchmarks.workloads import Workload
from jaxvae import models

Timer = Callable[[int], float]
"""Seconds for a given number of steps."""


def parts(workload: Workload, batch_size: int, precision: str) -> dict[str, Timer]:
    """The gather of a batch, and value and gradient of encoder, decoder and VAE-GAN's discriminator, each in a loop.

    A VAE-GAN's decoder gets codes and draws from the prior, its discriminator images, reconstructions and samples.

    Args:
        workload: what is trained.
        batch_size: examples in a step.
        precision: of matrix products.

    Returns:
        Timers by name.
    """
    model = make_model(workload, precision)
    source = make_source(make_images(workload), batch_size)
    arrays = jax.device_put(source.arrays)
    index = jnp.arange(batch_size, dtype=jnp.int32)
    image = source.batch(arrays, index, index).image
    variables = models.init(jax.random.key(0), model)
    codes = tuple(jnp.zeros((batch_size, size)) for size in workload.latent_sizes)
    rest = {name: tree for name, tree in variables.items() if name != "params"}

    def gather(row: Array) -> Array:
        pixels = source.batch(arrays, row, index).image
        return (row + 1 + jnp.sum(pixels).astype(jnp.int32) % 2) % len(source.dataset)

    def descend(method: str, carry: tuple[Any, Any]) -> tuple[Any, Any]:
        params, inputs = carry

        def total(params: Any) -> Array:
            out, _ = model.apply(
                {"params": params, **rest}, inputs, train=True, method=method, mutable=list(rest)
            )
            return jnp.sum(jnp.stack([jnp.sum(leaf) for leaf in jax.tree.leaves(out)]))

        # Changes nothing that matters, but keeps the compiler from taking work out of the loop.
        params = jax.tree.map(lambda p, g: p - 1e-12 * g, params, jax.grad(total)(params))
        return params, jax.tree.map(lambda x: jnp.roll(x, 1, axis=0), inputs)

    inputs: dict[str, Any] = {"encode": image, "decode": codes}
    if workload.family == "vaegan":
        inputs = {
            "encode": image,
            "decode": tuple(jnp.tile(z, (2, 1)) for z in codes),
            "discriminate": jnp.tile(image, (3, 1, 1, 1)),
        }
    names = {"encode": "encoder", "decode": "decoder", "discriminate": "discriminator"}
    options = dict(model.layout.compiler_options)
    return {"gather": _loop(gather, index, options)} | {
        names[method]: _loop(partial(descend, method), (variables["params"], given), options)
        for method, given in inputs.items()
    }


def _loop(step: Callable[[Any], Any], carry: Any, options: dict[str, Any]) -> Timer:
    """Many steps in one dispatch."""
    program = jax.jit(
        lambda carry, count: lax.fori_loop(0, count, lambda _, c: step(c), carry), compiler_options=options
    )

    def run(steps: int) -> float:
        started = time.perf_counter()
        jax.block_until_ready(program(carry, jnp.int32(steps)))
        return time.perf_counter() - started

    return run
