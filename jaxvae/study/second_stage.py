"""A second variational autoencoder, whose data are the codes of a first one."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, Key

from jaxvae import losses, models, train
from jaxvae.types import Posterior, Variables


def fit_second_stage(
    key: Key[Array, ""],
    codes: Posterior,
    *,
    steps: int = 4000,
    batch_size: int = 128,
    hidden: int = 512,
    learning_rate: float = 1e-3,
) -> Callable[[Key[Array, ""], int], Float[Array, "n d"]]:
    """Trains a variational autoencoder of codes by the evidence lower bound; each step draws its codes anew.

    Codes are first brought to mean 0 and standard deviation 1 in each dimension. Adam's step size falls to 0 along a
    half cosine.

    Args:
        key: decides parameters, order and noise.
        codes: q(z | x) of the training images.
        steps: updates.
        batch_size: codes for each.
        hidden: width of the hidden layers.
        learning_rate: at the start.

    Returns:
        `(key, n) -> [n, d]`, samples.

    Raises:
        ValueError: no step, or sizes below 1.

    References:
        Dai & Wipf, Diagnosing and Enhancing VAE Models, ICLR 2019, section 4.
    """
    if min(steps, batch_size) < 1:
        raise ValueError(f"training needs at least one step and one code, got {steps} and {batch_size}.")
    count, size = codes.mean.shape
    network = models.SecondStage(size, hidden)
    begin, key = jax.random.split(key)
    variables = network.init(begin, jnp.zeros((1, size)), jnp.zeros((1, size)))
    optimizer = train.adam(train.schedule(learning_rate, steps=steps))
    loc, scale = _moments(codes)
    codes = Posterior((codes.mean - loc) / scale, codes.stddev / scale)

    def step(carry: Any, number: Int[Array, ""], codes: Posterior) -> tuple[Any, None]:
        variables, state = carry
        of_batch, of_codes, of_network = jax.random.split(jax.random.fold_in(key, number), 3)
        places = jax.random.randint(of_batch, (batch_size,), 0, count)
        z = _draw(of_codes, jax.tree.map(lambda x: x[places], codes))
        noise = jax.random.normal(of_network, z.shape)
        gradient = jax.grad(_negative_bound)(variables, network, z, noise)
        with jax.numpy_dtype_promotion("standard"):  # Optax counts in integers and multiplies by floats
            updates, state = optimizer.update(gradient, state, variables)
        return (optax.apply_updates(variables, updates), state), None

    @jax.jit
    def trained(variables: Variables, codes: Posterior) -> Variables:
        start = variables, optimizer.init(variables)
        return jax.lax.scan(partial(step, codes=codes), start, jnp.arange(steps))[0][0]

    variables = trained(variables, codes)
    return lambda key, n: loc + scale * _sample(network, variables, key, n)


def _moments(codes: Posterior) -> tuple[Float[Array, "1 d"], Float[Array, "1 d"]]:
    """Mean and standard deviation of draws from all posteriors together."""
    variance = jnp.var(codes.mean, axis=0, keepdims=True) + jnp.mean(codes.stddev**2, axis=0, keepdims=True)
    return jnp.mean(codes.mean, axis=0, keepdims=True), jnp.sqrt(variance)


def _negative_bound(
    variables: Variables, network: models.SecondStage, z: Float[Array, "n d"], noise: Float[Array, "n d"]
) -> Float[Array, ""]:
    found: Any = network.apply(variables, z, noise)
    posterior, mean, log_scale = found
    pixels = (mean[:, None, None], z[:, None, None])  # likelihoods are of images
    return jnp.mean(losses.gaussian_nll(*pixels, log_scale=log_scale) + losses.kl_normal(posterior))


def _sample(
    network: models.SecondStage, variables: Variables, key: Key[Array, ""], n: int
) -> Float[Array, "n d"]:
    second, noise = jax.random.normal(key, (2, n, network.size))
    found: Any = network.apply(variables, second, method="decode")
    mean, log_scale = found
    return mean + jnp.exp(log_scale) * noise


def _draw(key: Key[Array, ""], posterior: Posterior) -> Float[Array, "n d"]:
    return posterior.mean + posterior.stddev * jax.random.normal(key, posterior.mean.shape)
