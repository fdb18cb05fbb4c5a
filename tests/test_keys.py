"""Streams of random numbers are independent of each other, of `split` and of counted keys, and never change."""

import ast
from pathlib import Path

import jax
import numpy as np
import pytest

import jaxvae
from jaxvae import keys
from jaxvae.evaluate.mean import independent_key
from jaxvae.train import Replica

NAMES = {
    "EVALUATION": 2**32 - 1,
    "ORDER": 2**32 - 1,
    "CORRUPTION": 2**32 - 1,
    "INTERPOLATION": 2**32 - 1,
    "AUGMENTATION": 2**32 - 2,
    "INDEPENDENT": 2**32 - 1,
}
"""All streams, with the numbers that version 0.1.0 drew from."""

MEETING = {
    "seed": ("EVALUATION",),
    "state": ("ORDER",),
    "step of one player": ("CORRUPTION", "AUGMENTATION"),
    "step of several players": ("INTERPOLATION", "AUGMENTATION"),
    "evaluation": ("INDEPENDENT",),
}
"""Streams that are folded into the same key, by key."""


def data(key):
    return tuple(np.asarray(jax.random.key_data(key)).tolist())


def test_streams_keep_their_numbers():
    public = {name: value for name, value in vars(keys).items() if name.isupper() and name[0] != "_"}
    assert public == NAMES
    assert set().union(*MEETING.values()) == set(NAMES)


@pytest.mark.parametrize("owner", MEETING)
def test_streams_of_a_key_differ_from_each_other_from_split_and_from_counted_keys(owner):
    key = jax.random.key(3)
    streams = [data(jax.random.fold_in(key, getattr(keys, name))) for name in MEETING[owner]]
    counted = {data(k) for k in jax.vmap(lambda i: jax.random.fold_in(key, i))(np.arange(2000))}
    split = {data(k) for number in (2, 3, 20) for k in jax.random.split(key, number)}
    assert len(set(streams)) == len(streams)
    assert set(streams).isdisjoint(counted | split | {data(key)})


def test_keys_for_evaluation_are_made_of_the_streams():
    expected = jax.random.fold_in(jax.random.key(5), 2**32 - 1)
    assert data(keys.evaluation_key(5)) == data(Replica("a", 5, {}).evaluation_key) == data(expected)
    assert data(independent_key(jax.random.key(5))) == data(expected)


def test_no_other_module_has_a_stream_of_its_own():
    def is_stream(node):
        return isinstance(node, ast.BinOp) and ast.unparse(node).startswith("2 ** 32")

    files = sorted(Path(jaxvae.__file__).parent.rglob("*.py"))
    own = {path.name for path in files if any(map(is_stream, ast.walk(ast.parse(path.read_text()))))}
    assert own == {"keys.py"}
