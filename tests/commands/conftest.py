import importlib
from functools import partial
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from command_calls import call

from jaxvae import cli, data, evaluate, models, train

statistics = importlib.import_module("jaxvae.evaluate.image_statistics")


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Runs with these arguments: exit status, what it printed, and what it said on stderr."""

    def features(inception, images, **options):
        return np.asarray(images, np.float32).reshape(len(images), -1)[:, :5]

    monkeypatch.setattr(statistics, "inception_features", features)
    monkeypatch.setattr(evaluate, "load_inception", lambda path: evaluate.Inception({}, f"weights of {path}"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return partial(call, monkeypatch, capsys)


def _save(path, model):
    """The run of an untrained model, and what it would have been trained on."""
    config = cli.RunConfig(workdir=path, limit=60)
    images = data.load(config.data, split="train", limit=config.limit)
    replica = train.Replica("plain", 0, {})
    record = cli.record("toy", config, data=images.spec)
    record |= cli.record_training(models.describe(model), [replica], weights={})
    workdir = train.Workdir(path)
    workdir.open(record, resume=False, overwrite=False)
    variables = models.init(jax.random.key(0), model)
    players = {"model": train.Player(tuple(variables["params"]), train.adam(1e-3))}
    state = train.init_state(jax.random.key(0), variables, players)
    train.Checkpoints(workdir.checkpoints).save(jax.tree.map(lambda leaf: jnp.stack([leaf]), state))
    return SimpleNamespace(path=path, images=images.images)


@pytest.fixture(scope="session")
def saved(tmp_path_factory):
    """A run of digits."""
    return _save(tmp_path_factory.mktemp("runs") / "plain", models.DropoutVAE((28, 28, 1), (2, 1), (2,)))


@pytest.fixture(scope="session")
def saved_conditional(tmp_path_factory):
    """A run of digits that are given with their class."""
    model = models.ConditionalVAE((28, 28, 1), (2,), (2,), classes=10)
    return _save(tmp_path_factory.mktemp("runs") / "conditional", model)
