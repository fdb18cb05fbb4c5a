"""Which versions of its dependencies the library accepts, and what `.ci/versions` tests it with."""

import re
import subprocess
import tomllib
import warnings
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
KEPT = ["jax", "jaxlib", "libtpu", "flax", "optax", "orbax-checkpoint", "numpy"]
"""What must stay as it is where the library is installed on Colab."""


def lines(name):
    text = (ROOT / ".ci" / name).read_text()
    return [line for line in text.splitlines() if not line.startswith("#")]


COLAB = dict(line.split("==") for line in lines("colab.txt"))


@pytest.mark.parametrize("group", ["dependencies", "test"])
def test_colabs_versions_are_accepted_as_they_are(group):
    requirements = map(Requirement, PROJECT.get(group) or PROJECT["optional-dependencies"][group])
    there = {r.name: r for r in requirements if canonicalize_name(r.name) in COLAB}
    assert {name for name, r in there.items() if not r.specifier.contains(COLAB[name])} == set()
    assert group == "test" or set(KEPT) - {"jaxlib", "libtpu"} <= set(there)


def test_the_constraints_name_what_must_not_be_replaced():
    assert set(KEPT) <= set(COLAB)
    assert [name for name in COLAB if name != canonicalize_name(name)] == []


@pytest.mark.parametrize(
    ("version", "accepted"),
    [("0.7.1", False), ("0.7.2", True), ("0.10.2", True), ("0.12.0.1", True), ("0.13", False)],
)
def test_jax_is_accepted_from_colabs_to_the_newest(version, accepted):
    (jax,) = (r for r in map(Requirement, PROJECT["dependencies"]) if r.name == "jax")
    assert jax.specifier.contains(version) == accepted


def test_the_smoke_tests_are_there_and_cover_every_room_and_experiment():
    listed = [Path(line.split("::")[0]) for line in lines("smoke")]
    for path, *functions in (line.split("::") for line in lines("smoke")):
        source = (ROOT / path).read_text()
        assert [name for name in functions if f"\ndef {name.split('[')[0]}(" not in source] == []
    rooms = {path.parent.name for path in (ROOT / "jaxvae").glob("*/__init__.py")}
    # The command line has no folder of tests.
    assert rooms - {path.parts[1] for path in listed} == {"cli"}
    assert Path("tests/test_cli.py") in listed
    experiments = {
        path.stem for path in (ROOT / "experiments").iterdir() if re.match(r"\w+(\.py)?$", path.name)
    }
    covered = {path.stem.removeprefix("test_") for path in listed if path.parts[1] == "experiments"}
    assert experiments - {"__init__", "__pycache__"} <= covered


def test_an_unknown_environment_is_refused_in_one_line():
    done = subprocess.run(
        [ROOT / ".ci" / "versions", "newest", "moon"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: environments are ci, colab and newest, got moon.\n"


@pytest.mark.parametrize("words", ["jax.old is deprecated.", "'old_name' deprecated - use 'new_name'"])
def test_a_deprecation_fails_a_test(words):
    """The newest JAX's too; only pyparsing's old names, which Colab's Matplotlib calls, are excused."""
    with pytest.raises(DeprecationWarning, match=words):
        warnings.warn(words, DeprecationWarning, stacklevel=1)
    warnings.warn("'parseAll' argument is deprecated, use 'parse_all'", DeprecationWarning, stacklevel=1)
    warnings.warn("'oneOf' deprecated - use 'one_of'", DeprecationWarning, stacklevel=1)
