"""The READMEs keep their word: their commands are accepted, their examples run, their files and numbers exist."""

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
from jaxvae.cli import distributed

ROOT = Path(__file__).parents[1]
FOLDERS = ("benchmarks", "experiments", "jaxvae", "tests")
PATHS = [ROOT / "README.md", *sorted(path for name in FOLDERS for path in (ROOT / name).rglob("README.md"))]
PATHS.append(ROOT / "experiments" / "REPORTS.md")
READMES = {str(path.relative_to(ROOT)): path.read_text() for path in PATHS}
README = READMES["README.md"]

YOURS = {"experiments/smooth_vae.py", "jaxvae/models/dense_vae.py"}
"""Files that a reader is told to write."""


def blocks(text):
    return re.findall(r"^```(\w*)\n(.*?)^```", text, re.M | re.S)


def shell_lines(text):
    lines = [line for kind, block in blocks(text) if kind != "python" for line in block.splitlines()]
    return [line.lstrip("!") for line in lines]


def prose(text):
    return re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)


def between(text, name):
    return re.search(f"<!-- {name}: begin -->(.*)<!-- {name}: end -->", text, re.S)[1]


def table_lines(text):
    """Rows of a Markdown table's body."""
    return [line for line in text.splitlines() if line.startswith("|")][2:]


def runs(text):
    """Commands that start one of our modules, in blocks and in running text."""
    commands = [part for line in shell_lines(text) for part in line.split(" && ")]
    commands += re.findall(r"`(python -m (?:experiments|benchmarks)\.[^`]+)`", prose(text))
    ours = [command for command in commands if re.search(r"\bpython -m ", command)]
    return [command for command in ours if command != "python -m experiments.smooth_vae"]


def anchors(text):
    """Names by which GitHub links to the headings."""
    headings = re.findall(r"^#+ (.*)$", prose(text), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(name):
    """(path relative to the root, anchor or None) of each link to a file of ours."""
    found = re.findall(r"\]\(([^)\s]+)\)|\bsrc=\"([^\"]+)\"", READMES[name])
    for link in (link or source for link, source in found):
        if "://" not in link:
            path, _, anchor = link.partition("#")
            target = (ROOT / name).parent / path if path else ROOT / name
            yield target.resolve(), anchor


def test_there_is_one_beside_each_thing():
    assert {
        "README.md",
        "benchmarks/README.md",
        "experiments/README.md",
        "experiments/conv_vae_mnist/README.md",
        "experiments/vae_gan_hybrids/README.md",
        "experiments/winged_horses/README.md",
        "jaxvae/README.md",
        "jaxvae/data/README.md",
    } <= set(READMES)


def test_the_first_one_is_short_and_leads_to_all_others():
    assert len(README.splitlines()) <= 250
    assert {ROOT / name for name in READMES} - {ROOT / "README.md"} <= {
        path for path, _ in links("README.md")
    }


@pytest.mark.parametrize("name", READMES)
def test_files_exist(name):
    mentioned = re.findall(r"`((?:jaxvae|experiments|tests|benchmarks|\.ci)/[\w./]*)`", READMES[name])
    missing = [path for path in mentioned if path not in YOURS and not (ROOT / path).exists()]
    assert missing == []
    assert [path for path, _ in links(name) if not path.exists()] == []


@pytest.mark.parametrize("name", READMES)
def test_headings_that_are_linked_exist(name):
    linked = [(path, anchor) for path, anchor in links(name) if anchor]
    assert [(path, anchor) for path, anchor in linked if anchor not in anchors(path.read_text())] == []


def test_every_picture_is_shown_once():
    shown = [path for name in READMES for path, _ in links(name) if path.suffix == ".png"]
    assert sorted(shown) == sorted((ROOT / ".github" / "pictures").glob("*.png"))


def test_the_house_names_every_room():
    house = README.split("## The house")[1].split("\n## ")[0]
    rooms = {path.name for path in (ROOT / "jaxvae").iterdir() if (path / "__init__.py").exists()}
    files = {path.name for path in (ROOT / "jaxvae").glob("*.py") if not path.name.startswith("_")}
    assert {room for room in rooms if f"`jaxvae/{room}/`" not in house} == set()
    assert {file for file in files if f"{file}`" not in house} == set()


def test_it_shows_what_was_measured():
    measured = between(README, "measured")
    assert re.search(r"took [\d.]+ minutes on two cores", measured)
    assert len(re.findall(r"^\| with SSIM \|", measured, re.M)) == 1, "one seed"
    assert {path.suffix for path in map(Path, re.findall(r"\]\(([^)]+)\)", measured))} == {".png"}

    details = READMES["experiments/README.md"]
    spread = between(details, "measured")
    assert len(re.findall(r"^\| with SSIM \|.*±", spread, re.M)) == 2, "three seeds, the codes"
    assert any("--seeds 3" in command for command in runs(details))


def test_numbers_of_the_five_reports_are_those_of_their_own_pages():
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table_lines(between(README, "reports"))
    ]
    assert len({report for report, *_ in rows}) == 6, "five reports, one of them in two experiments"
    for _, command, minutes, obtained, published, details in rows:
        module = re.search(r"python -m experiments\.(\w+)", command)[1]
        path = re.search(r"\]\(([^)#]+)", details)[1]
        page = " ".join((READMES[path] + between(README, "measured")).split())
        assert f"python -m experiments.{module}" in page
        numbers = re.findall(r"\d+\.\d+", obtained)
        assert numbers
        assert [number for number in numbers + re.findall(r"\d+\.\d+", published) if number not in page] == []
        assert [number for number in re.findall(r"[\d.]+", minutes) if f"{number} minutes" not in page] == []


def test_rows_of_speed_are_those_of_the_benchmark():
    rows = table_lines(between(README, "speed"))
    assert len(rows) == 6
    assert set(rows) <= set(table_lines(between(READMES["benchmarks/README.md"], "throughput")))


@pytest.mark.parametrize(
    ("name", "command"), [(name, command) for name, text in READMES.items() for command in runs(text)]
)
def test_run_commands_are_accepted(name, command, monkeypatch):
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
    monkeypatch.setattr(distributed, "_watch", lambda config: None)
    monkeypatch.setattr(jax.distributed, "initialize", lambda **given: None)
    start = partial(cli.launch, parsed.append, experiment.PRESETS)
    if not hasattr(experiment, "Config"):
        one_of = {word: (parsed.append, presets) for word, presets in experiment.PRESETS.items()}
        start = partial(cli.launch_one, one_of)
    with pytest.raises(SystemExit) as stop:
        start(description="")
    assert stop.value.code == 0
    assert isinstance(parsed[0], cli.RunConfig)


@pytest.fixture(scope="module")
def flags():
    """Names of all flags of experiments, commands and benchmarks."""
    modules = [
        importlib.import_module(name)
        for name in (
            "experiments.vlae_mnist",
            "experiments.vae_losses_mnist",
            "experiments.conv_vae_mnist",
            "experiments.winged_horses",
            "benchmarks.throughput",
            "benchmarks.input",
            "benchmarks.compiled",
            "benchmarks.scale",
            "benchmarks.start",
            "benchmarks.profile_step",
        )
    ]
    hybrids = importlib.import_module("experiments.vae_gan_hybrids")
    flags = [cli.flat(module.Config()) for module in modules]
    flags += [cli.flat(presets["full"]()) for presets in hybrids.PRESETS.values()]
    names = {name for each in flags for name in each}
    names |= {f"no_{name}" for each in flags for name, value in each.items() if isinstance(value, bool)}
    names |= {field.name for _, flags in program.COMMANDS.values() for field in dataclasses.fields(flags)}
    return {name.replace("_", "-") for name in names} | {"help", "logdir"}


@pytest.mark.parametrize("name", READMES)
def test_flags_in_running_text_exist(name, flags):
    assert set(re.findall(r"(?<![\w-])--([a-z][a-z-]*)", prose(READMES[name]))) <= flags


def test_common_flags_are_all_explained():
    section = READMES["experiments/README.md"].split("## Common flags")[1].split("\n## ")[0]
    explained = set(re.findall(r"--([a-z][a-z-]*)", section)) - {"help"}
    common = {field.name.replace("_", "-") for field in dataclasses.fields(cli.RunConfig)}
    assert explained == common - {"compile-cache"} | {"no-compile-cache"}


ROOMS = "cli|data|evaluate|losses|models|report|study|train"


@pytest.mark.parametrize("name", READMES)
def test_names_in_running_text_exist(name):
    named = re.findall(rf"`(?:jaxvae\.)?({ROOMS}|experiment)\.(\w+)[`(]", prose(READMES[name]))
    rooms = {room: importlib.import_module(f"jaxvae.{room}") for room in ROOMS.split("|")}
    rooms["experiment"] = rooms["study"].Experiment
    names = {(room, word) for room, word in named} - {("report", "html")}
    assert [f"{room}.{word}" for room, word in names if not hasattr(rooms[room], word)] == []


def test_extras_exist():
    pyproject = importlib.import_module("tomllib").loads((ROOT / "pyproject.toml").read_text())
    extras = set(re.findall(r"\.\[(\w+)\]", " ".join(READMES.values())))
    assert {"test", "cuda13", "cuda12", "tpu"} <= extras
    assert extras <= set(pyproject["project"]["optional-dependencies"])


def test_ci_installs_and_tests_as_the_readme_says():
    steps = (ROOT / ".ci" / "run").read_text().splitlines()
    (command,) = [line for line in shell_lines(README) if line.endswith("&& pytest")]
    assert steps[-1] == command
    assert command.split(" && ")[0] in steps[:-1]


def leave_run(workdir, model, variants):
    """Writes a run of untrained models, as `experiments.vlae_mnist` leaves them."""
    experiment = importlib.import_module("experiments.vlae_mnist")
    config = experiment.Config(limit=100, workdir=Path(workdir))
    replicas = [train.Replica(variant, 0, {}) for variant in variants]
    spec = data.load(config.data, split="train", limit=config.limit).spec
    record = cli.record("vlae_mnist", config, data=spec)
    record |= cli.record_training(models.describe(model), replicas, weights={})
    directory = train.Workdir(config.workdir)
    directory.open(record, resume=False, overwrite=False)
    variables = models.init(jax.random.key(0), model)
    players = {"model": train.Player(tuple(variables["params"]), train.adam(1e-3))}
    state = train.init_state(jax.random.key(0), variables, players)
    stacked = jax.tree.map(lambda leaf: jnp.stack([leaf] * len(replicas)), state)
    train.Checkpoints(directory.checkpoints).save(stacked)


@pytest.fixture
def a_run(tmp_path, monkeypatch):
    """Stands in for runs/vlae_mnist: two variants of an untrained ladder."""
    monkeypatch.chdir(tmp_path)
    ladder = models.VLAE((28, 28, 1), widths=(2, 2, 2), hidden=4)
    leave_run("runs/vlae_mnist", ladder, ("without SSIM", "with SSIM"))


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


def execute(name):
    """Names that a README's Python blocks define, run in their order."""
    names = {"__name__": "readme"}
    for kind, text in blocks(READMES[name]):
        if kind == "python":
            exec(compile(text, name, "exec"), names)
    return SimpleNamespace(**names)


def test_python_is_where_it_is_executed():
    """So that no block stays unchecked."""
    assert {name for name, text in READMES.items() if any(kind == "python" for kind, _ in blocks(text))} == {
        "README.md",
        "jaxvae/README.md",
    }


def test_first_examples_do_what_they_say(a_run, tmp_path, capsys):
    examples = execute("README.md")
    assert examples.run.variant == "with SSIM"
    assert [q.mean.shape for q in examples.posteriors] == [(8, 2)] * 3
    assert (examples.again.shape, examples.again.dtype) == ((8, 28, 28, 1), jnp.float32)
    assert (len(examples.new), len(examples.between)) == (8, 8)
    assert examples.likelier.shape == (8, 28, 28, 1)

    edge = jnp.zeros((1, 4, 4, 1)).at[0, 0].set(jnp.inf)
    variation = examples.total_variation(None, SimpleNamespace(logits=edge), None)
    np.testing.assert_allclose(variation, [4 * 0.5])

    config = examples.Config(limit=128, batch_size=64, epochs=1, parallel="pmap", devices=2)
    examples.main(config)
    assert "KL" in capsys.readouterr().out
    results = json.loads((tmp_path / "runs/smooth_vae/results.json").read_text())
    assert [row["name"] for row in results["rows"]] == ["plain", "smooth"]
    assert all(row["metrics"]["kl"]["mean"] > 0 for row in results["rows"])
    assert "<img" in (tmp_path / "runs/smooth_vae/report.html").read_text(), "curves"
    trained = importlib.import_module("jaxvae").load("runs/smooth_vae", variant="smooth")
    assert trained.sample(3).shape == (3, 28, 28, 1)

    examples.main(dataclasses.replace(config, resume=True))
    resumed = json.loads((tmp_path / "runs/smooth_vae/results.json").read_text())
    assert resumed["rows"] == results["rows"]


def test_the_whole_script_is_short():
    ((kind, script),) = blocks(between(README, "experiment").lstrip())
    assert kind == "python"
    assert len(script.splitlines()) <= 45
    assert script.startswith('"""'), "a whole file"


def test_examples_of_the_library_do_what_they_say(a_run, features, monkeypatch):
    examples = execute("jaxvae/README.md")
    assert (examples.run.variant, examples.plain.variant) == ("with SSIM", "without SSIM")
    assert (len(examples.around), len(examples.image)) == (8, 1)
    assert examples.similarity.shape == (8,)
    assert jnp.all(examples.information > 0)

    z = np.float32([[0.5, -2.0], [0.0, 1.0]])
    expected = scipy.stats.laplace.logpdf(z).sum(1)
    np.testing.assert_allclose(examples.Laplace(dim=2).log_prob(jnp.asarray(z)), expected, rtol=1e-6)
    assert examples.images.shape == (8, 28, 28, 1)

    assert (examples.result.n, examples.result.weights) == ((10_000, 10_000), "stand-in")
    assert examples.result.fid > 0

    monkeypatch.setitem(sys.modules, "jaxvae.models.dense_vae", SimpleNamespace(DenseVAE=examples.DenseVAE))
    families = importlib.import_module("jaxvae.models.family").FAMILIES
    monkeypatch.setitem(families, "dense_vae", examples.DenseVAE)
    leave_run("runs/dense_vae", examples.DenseVAE((28, 28, 1), hidden=8), ["dense"])
    dense = importlib.import_module("jaxvae").load("runs/dense_vae")
    assert dense.sample(3).shape == (3, 28, 28, 1)
    assert dense.reconstruct(examples.test.images[:2]).shape == (2, 28, 28, 1)
    assert dense.encode(examples.test.images[:2])[0].mean.shape == (2, 10)


def test_every_claim_of_the_reports_is_counted_once():
    text = READMES["experiments/REPORTS.md"]
    totals = {verdict: int(n) for verdict, n in re.findall(r"^\| ([a-z ]+) \| (\d+) \| .* \|$", text, re.M)}
    rows = [line.split("|")[1:-1] for line in text.splitlines() if re.match(r"\| \d\.\d+ ", line)]
    verdicts = [row[3].strip() for row in rows]
    assert {len(row) for row in rows} == {5}
    assert totals == {verdict: verdicts.count(verdict) for verdict in totals}
    assert len(verdicts) == sum(totals.values()) == len({row[0] for row in rows})
    assert f"Each of the {len(rows)} claims" in text
