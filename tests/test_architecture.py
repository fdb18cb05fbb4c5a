"""Who may import whom: data flows data -> models -> losses -> train -> evaluate -> report, joined at the edges only."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("data", "models", "losses", "train", "evaluate", "report", "cli")
LOCAL = {"jaxvae", "experiments", "benchmarks", "tests"}
GROUND = tuple(
    f"jaxvae.{name}"
    for name in (
        "types",
        "files",
        "images",
        "keys",
        "pieces",
        "processes",
        "records",
        "screen",
        "signals",
        "xla",
    )
)
JOINTS = ("jaxvae", "jaxvae.__main__", "jaxvae.run", "jaxvae.loading")
JOINING = ("study", "commands")
ALSO = {"jaxvae.evaluate": ("jaxvae.losses",)}
COUNTED = "benchmarks.trainings"
"""The one module that may import the experiments: it says what each of them would compile."""


def imports(module, source, *, is_package):
    """Absolute names of the local modules that a module imports, `from x import y` as x.y."""
    package = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            names = [f"{origin}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] in LOCAL)


def within(name, module):
    return name == module or name.startswith(f"{module}.")


def allowed(module):
    """Modules that a module may import; None if it joins rooms and may import all but experiments and tests."""
    if module in JOINTS or any(within(module, f"jaxvae.{room}") for room in JOINING):
        return None
    top, *rest = module.split(".")
    if top != "jaxvae":
        return None
    if rest[0] in ROOMS:
        room = f"jaxvae.{rest[0]}"
        return (room, *GROUND, *ALSO.get(room, ()))
    return () if module in GROUND else GROUND


def violations(module, source, *, is_package=False):
    """Sentences about the imports of a module that break the rules."""
    permitted = allowed(module)
    for name in imports(module, source, is_package=is_package):
        outward = [top for top in ("experiments", "tests", "benchmarks") if within(name, top)]
        if outward == ["experiments"] and module == COUNTED:
            continue
        if outward and not within(module, outward[0]):
            yield f"{module} imports {name}: nothing may import {outward[0]}"
        elif permitted is not None and not any(within(name, p) for p in permitted):
            yield f"{module} imports {name}, may import {', '.join(permitted) or 'nothing local'}"


def modules():
    for folder in ("jaxvae", "experiments", "benchmarks"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            is_package = parts[-1] == "__init__"
            yield ".".join(parts[:-1] if is_package else parts), path, is_package


def test_every_module_imports_what_it_may():
    found = [v for name, path, pkg in modules() for v in violations(name, path.read_text(), is_package=pkg)]
    assert found == []


def test_the_walk_sees_the_whole_package():
    names = {name for name, _, _ in modules()}
    assert {"jaxvae", "jaxvae.types", "jaxvae.cli", "jaxvae.run", "experiments.vlae_mnist"} <= names
    assert {f"jaxvae.{room}" for room in ROOMS} <= names
    folders = {path.name for path in (ROOT / "jaxvae").iterdir() if (path / "__init__.py").exists()}
    assert folders == {*ROOMS, *JOINING}


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("jaxvae.types", "from jaxvae import data"),
        ("jaxvae.types", "import jaxvae.cli"),
        ("jaxvae.files", "from jaxvae.types import Batch"),
        ("jaxvae.models.vlae", "from jaxvae.losses import kl"),
        ("jaxvae.models.vlae", "import jaxvae.train.step"),
        ("jaxvae.losses.mmd", "from jaxvae import models"),
        ("jaxvae.losses.mmd", "from ..models import VLAE"),
        ("jaxvae.losses.mmd", "import jaxvae"),
        ("jaxvae.losses.mmd", "def lazily():\n    from jaxvae.evaluate import mean"),
        ("jaxvae.losses.mmd", "from jaxvae.loading import load"),
        ("jaxvae.evaluate.mean", "from jaxvae.train import TrainState"),
        ("jaxvae.data.pipeline", "from jaxvae.database import x"),
        ("jaxvae.cli", "from jaxvae.train import Parallel"),
        ("jaxvae.run", "from experiments import vlae_mnist"),
        ("jaxvae", "import benchmarks.throughput"),
        ("jaxvae.train.loop", "from tests.train import helper"),
        ("jaxvae.train.loop", "from jaxvae.study import Experiment"),
        ("jaxvae.study.measure", "from experiments.vlae_mnist import Config"),
        ("benchmarks.throughput", "from experiments.vlae_mnist import Config"),
        ("experiments.vlae_mnist", "from tests.conftest import hook"),
    ],
)
def test_a_forbidden_import_is_found(module, source):
    assert len(list(violations(module, source))) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("jaxvae.types", "import jax"),
        ("jaxvae.losses.mmd", "from jaxvae.types import Batch\nfrom jaxvae.losses.kernels import gram"),
        ("jaxvae.losses.mmd", "from .kernels import gram\nfrom . import kl"),
        ("jaxvae.evaluate.latents", "from jaxvae.losses import mmd2"),
        ("jaxvae.cli", "from jaxvae.types import RunStopped"),
        ("jaxvae.evaluate.fid", "from jaxvae.files import cache_directory"),
        ("jaxvae.run", "from jaxvae import models\nfrom jaxvae.pieces import in_pieces"),
        ("jaxvae.commands.fid", "from jaxvae import evaluate\nfrom jaxvae.loading import load"),
        ("jaxvae.study.measure", "from jaxvae import evaluate, models\nfrom jaxvae.run import Run"),
        ("experiments.vlae_mnist", "import jaxvae\nfrom jaxvae import data, train"),
        ("benchmarks.throughput", "from jaxvae import models\nfrom benchmarks import tables"),
        ("benchmarks.trainings", "from experiments import vlae_mnist"),
    ],
)
def test_a_permitted_import_passes(module, source):
    assert list(violations(module, source)) == []


def test_relative_imports_of_a_package_are_resolved():
    assert list(violations("jaxvae.losses", "from .mmd import mmd", is_package=True)) == []
    assert list(violations("jaxvae.losses", "from ..models import VLAE", is_package=True)) != []
