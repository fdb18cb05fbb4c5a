"""Calls with values of wrong types, as a user without a type checker makes them; prints what each raises as JSON.

The hook that checks annotations in tests would refuse them before the library does.
"""

import json
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxvae
from jaxvae import data, losses, models, study
from jaxvae.types import Batch

MODEL = models.DropoutVAE((8, 8, 1), (2,), (4,))
ZERO = jnp.zeros(1, jnp.int32)


def train(variants):
    terms = {"kl": losses.kl(models.standard_priors(MODEL))}
    study.Training(model=MODEL, variants=variants, terms=terms, weights={"kl": 1.0}, optimizer=optax.sgd(0.1))


def evaluate(term):
    batch = Batch(jnp.zeros((1, 8, 8, 1)), ZERO, jnp.ones(1), ZERO, jnp.zeros((1, 0)))
    losses.compose({"mine": term}, {"mine": 1.0})(jax.random.key(0), None, batch, ZERO)


def run():
    return jaxvae.Run(
        MODEL, models.init(jax.random.key(0), MODEL), config={"config": {}}, variant="a", seed=0
    )


IMAGES, LABELS = np.zeros((2, 8, 8, 1), np.uint8), np.zeros(2, int)
CALLS = {
    "variants without numbers": lambda: train(["a"]),
    "a number in place of a variant": lambda: train({"a": 0.1}),
    "a string in place of a number": lambda: train({"a": {"kl": "0.1"}}),
    "a number in place of a term": lambda: evaluate(1.0),
    "a term that returns nothing": lambda: evaluate(lambda key, output, batch: None),
    "a sampler's name": lambda: run().sample(3, sampler="mixture"),
    "a key in place of a seed": lambda: run().sample(3, seed=jax.random.key(0)),
    "an array in place of a seed": lambda: run().sample(3, seed=np.zeros(1, int)),
    "a fraction in place of a seed": lambda: run().sample(3, seed=0.5),
    "images without channels": lambda: data.from_arrays(IMAGES[..., 0], LABELS, name="mine"),
    "labels as strings": lambda: data.from_arrays(IMAGES, LABELS.astype(str), name="mine"),
    "labels in a column": lambda: data.from_arrays(IMAGES, LABELS[:, None], name="mine"),
    "one-hot labels": lambda: data.from_arrays(IMAGES, np.eye(2, dtype=int), name="mine"),
    "labels in lists": lambda: data.from_arrays(IMAGES, [[0], [0, 1]], name="mine"),
    "labels that are no integers": lambda: data.from_arrays(IMAGES, LABELS / 2, name="mine"),
}


def outcome(call):
    try:
        call()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


if __name__ == "__main__":
    json.dump({name: outcome(call) for name, call in CALLS.items()}, sys.stdout)
