"""The README keeps its word: its commands are accepted, its examples run, its files exist."""

import dataclasses
import importlib
import json
import re
import shlex
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from jaxvae import __main__ as program
from jaxvae import cli, data, evaluate, models, train

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, re.M | re.S)
LINES = [line.lstrip("!") for kind, text in BLOCKS if kind != "python" for line in text.splitlines()]
COMMANDS = [part for line in LINES for part in line.split(" && ")]
RUNS = [command for command in COMMANDS if re.search(r"\bpython -m ", command)]


def test_files_exist():
    links = re.findall(r"\]\(([^)#\s]+)\)|\bsrc=\"([^\"]+)\"", README)
    paths = [link or source for link, source in links if "://" not in link + source]
    mentioned = re.findall(r"`((?:jaxvae|experiments|tests|benchmarks|\.ci)/[\w./]*)`", README)
    assert paths
    assert mentioned
    missing = [path for path in paths + mentioned if not (ROOT / path).exists()]
    assert [path for path in missing if Path(path).name != "dense_vae.py"] == []


def test_it_shows_what_was_measured():
    measured = re.search(r"<!-- measured: begin -->(.*)<!-- measured: end -->", README, re.S)[1]
    assert re.search(r"took [\d.]+ minutes on two cores", measured)
    assert len(re.findall(r"^\| with SSIM \|", measured, re.M)) == 3, "one seed, three seeds, the codes"
    assert {Path(link).suffix for link in re.findall(r"\]\(([^)]+)\)", measured)} == {".png"}
    assert any("--seeds 3" in command for command in RUNS)


@pytest.mark.parametrize("command", RUNS)
def test_run_commands_are_accepted(command, monkeypatch):
    words = shlex.split(command)
    start = words.index("-m")
    if words[start + 1] == "jaxvae":
        parsed = []
        _, flags = program.COMMANDS[words[start + 2]]
        monkeypatch.setitem(program.COMMANDS, words[start + 2], (parsed.append, flags))
        program.main(words[start + 2 :])
        assert isinstance(parsed[0], flags)
        return
    experiment = importlib.import_module(words[start + 1])
    parsed = []
    if words[start + 1].startswith("benchmarks."):
        monkeypatch.setattr(sys, "argv", words[start + 1 :])
        assert isinstance(cli.parse(experiment.Config(), description=""), experiment.Config)
        return
    monkeypatch.setattr(sys, "argv", [words[start + 1], *words[start + 2 :]])
    start = partial(cli.launch, parsed.append, experiment.PRESETS)
    if not hasattr(experiment, "Config"):
        one_of = {word: (parsed.append, presets) for word, presets in experiment.PRESETS.items()}
        start = partial(cli.launch_one, one_of)
    with pytest.raises(SystemExit) as stop:
        start(description="")
    assert stop.value.code == 0
    assert isinstance(parsed[0], cli.RunConfig)


def test_flags_in_running_text_exist():
    modules = [
        importlib.import_module(name)
        for name in (
            "experiments.vlae_mnist",
            "experiments.vae_losses_mnist",
            "experiments.conv_vae_mnist",
            "experiments.winged_horses",
            "benchmarks.throughput",
            "benchmarks.input",
        )
    ]
    names = {name for module in modules for name in cli.flat(module.Config())}
    hybrids = importlib.import_module("experiments.vae_gan_hybrids")
    names |= {name for presets in hybrids.PRESETS.values() for name in cli.flat(presets["full"]())}
    names |= {field.name for _, flags in program.COMMANDS.values() for field in dataclasses.fields(flags)}
    flags = {name.replace("_", "-") for name in names} | {"help", "logdir", "no-compile-cache", "no-fid"}
    prose = re.sub(r"^```.*?^```", "", README, flags=re.M | re.S)
    assert set(re.findall(r"(?<![\w-])--([a-z][a-z-]*)", prose)) <= flags


def test_extras_exist():
    pyproject = importlib.import_module("tomllib").loads((ROOT / "pyproject.toml").read_text())
    extras = set(re.findall(r"\.\[(\w+)\]", README))
    assert {"test", "cuda13", "cuda12", "tpu"} <= extras
    assert extras <= set(pyproject["project"]["optional-dependencies"])


def test_ci_installs_and_tests_as_the_readme_says():
    steps = (ROOT / ".ci" / "run").read_text().splitlines()
    (command,) = [line for line in LINES if line.endswith("&& pytest")]
    assert steps[-1] == command
    assert command.split(" && ")[0] in steps[:-1]


@pytest.fixture
def a_run(tmp_path, monkeypatch):
    """Stands in for runs/vlae_mnist: two variants of an untrained ladder."""
    monkeypatch.chdir(tmp_path)
    experiment = importlib.import_module("experiments.vlae_mnist")
    config = experiment.Config(limit=100)
    model = models.VLAE((28, 28, 1), widths=(2, 2, 2), hidden=4)
    replicas = [train.Replica(variant, 0, {}) for variant in ("without SSIM", "with SSIM")]
    spec = data.load(config.data, split="train", limit=config.limit).spec
    record = cli.record("vlae_mnist", config, model=models.describe(model), replicas=replicas, data=spec)
    workdir = train.Workdir(config.workdir)
    workdir.open(record, resume=False, overwrite=False)
    variables = jax.jit(partial(models.init, model=model))(jax.random.key(0))
    players = {"ladder": train.Player(tuple(variables["params"]), train.adam(1e-3))}
    state = train.init_state(jax.random.key(0), variables, players)
    train.Checkpoints(workdir.checkpoints).save(jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), state))


@pytest.fixture
def features(tmp_path, monkeypatch):
    """Stands in for the Inception network."""
    statistics = importlib.import_module("jaxvae.evaluate.image_statistics")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(statistics, "load_inception", lambda: evaluate.Inception({}, "stand-in"))
    monkeypatch.setattr(
        importlib.import_module("jaxvae.evaluate.fid"), "load_inception", statistics.load_inception
    )
    monkeypatch.setattr(
        statistics,
        "inception_features",
        lambda inception, images, **_: np.float32(images)[:, 10:12, 10:12].reshape(len(images), -1),
    )


@pytest.fixture
def examples(a_run, features, monkeypatch):
    """Names that the README's Python blocks define, run in their order."""
    names = {"__name__": "readme"}
    for kind, text in BLOCKS:
        if kind == "python":
            exec(compile(text, "README.md", "exec"), names)
        if "DenseVAE" in names:
            module = SimpleNamespace(DenseVAE=names["DenseVAE"])
            monkeypatch.setitem(sys.modules, "jaxvae.models.dense_vae", module)
            families = importlib.import_module("jaxvae.models.family").FAMILIES
            monkeypatch.setitem(families, "dense_vae", module.DenseVAE)
    return SimpleNamespace(**names)


def test_examples_do_what_they_say(examples, tmp_path, capsys):
    assert (examples.run.variant, examples.plain.variant) == ("with SSIM", "without SSIM")
    assert [q.mean.shape for q in examples.posteriors] == [(8, 2)] * 3
    assert (examples.again.shape, examples.again.dtype) == ((8, 28, 28, 1), jnp.float32)
    assert (len(examples.new), len(examples.between), len(examples.image)) == (8, 8, 1)
    assert examples.likelier.shape == (8, 28, 28, 1)
    assert examples.similarity.shape == (8,)
    assert jnp.all(examples.information > 0)
    assert examples.images.shape == (8, 28, 28, 1)

    assert (examples.result.n, examples.result.weights) == ((10_000, 10_000), "stand-in")
    assert examples.result.fid > 0

    edge = jnp.zeros((1, 4, 4, 1)).at[0, 0].set(jnp.inf)
    variation = examples.total_variation()(None, SimpleNamespace(logits=edge), None)
    np.testing.assert_allclose(variation, [4 * 0.5])

    z = np.float32([[0.5, -2.0], [0.0, 1.0]])
    expected = scipy.stats.laplace.logpdf(z).sum(1)
    np.testing.assert_allclose(examples.Laplace(dim=2).log_prob(jnp.asarray(z)), expected, rtol=1e-6)

    examples.main(examples.Config(limit=128, batch_size=64, epochs=1, parallel="pmap", devices=2))
    results = json.loads((tmp_path / "runs/dense_vae/results.json").read_text())
    assert results["rows"][0]["metrics"]["kl"]["mean"] > 0
    assert "KL" in capsys.readouterr().out
    trained = importlib.import_module("jaxvae").load("runs/dense_vae")
    assert trained.sample(3).shape == (3, 28, 28, 1)
