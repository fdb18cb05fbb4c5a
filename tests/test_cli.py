import json
import os
import re
import shlex
import signal
import sys
import time
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError
from math import inf, nan
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest
from jax.experimental.compilation_cache import compilation_cache

from jaxvae import cli, data
from jaxvae.cli import process
from jaxvae.files import cache_directory
from jaxvae.signals import STOPPING
from jaxvae.train import Replica
from jaxvae.types import RunStopped


@dataclass(frozen=True, kw_only=True)
class Nested:
    """A group of flags."""

    weights: tuple[float, ...] = (1.0, 2.0)
    """Some weights."""

    def __post_init__(self):
        if min(self.weights) < 0:
            raise ValueError(f"weights must be >= 0, got {self.weights}.")


@dataclass(frozen=True, kw_only=True)
class Config(cli.RunConfig):
    """Flags of a toy."""

    workdir: Path = Path("runs/toy")
    """Where."""

    nested: Nested = field(default_factory=Nested)


PRESETS = {"full": Config, "smoke": lambda: Config(preset="smoke", epochs=1, limit=100)}


@pytest.fixture
def launch(monkeypatch, capsys, tmp_path):
    """Launches a toy with these arguments: its exit status, what it wrote to stdout, and to stderr."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def launch(*arguments, main=lambda config: None):
        monkeypatch.setattr(sys, "argv", ["toy.py", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.launch(main, PRESETS, description="A toy.")
        return end.value.code or 0, *capsys.readouterr()

    return launch


def _resolved(launch, *arguments):
    configs = []
    assert launch(*arguments, main=configs.append) == (0, "", "")
    return configs[0]


def test_flags_become_a_configuration(launch):
    assert _resolved(launch) == Config()
    expected = Config(epochs=3, workdir=Path("there"), nested=Nested(weights=(0.5,)), resume=True)
    assert _resolved(launch, *shlex.split("--epochs 3 --workdir there --weights 0.5 --resume")) == expected


@pytest.mark.parametrize("flag", [["--preset", "smoke"], ["--preset=smoke"]])
def test_a_preset_gives_defaults_that_flags_override(launch, flag):
    assert _resolved(launch, *flag) == Config(preset="smoke", epochs=1, limit=100)
    assert _resolved(launch, *flag, "--limit", "7") == Config(preset="smoke", epochs=1, limit=7)
    assert _resolved(launch, "--limit", "7", *flag) == Config(preset="smoke", epochs=1, limit=7)


def test_help_shows_the_presets_defaults(launch):
    status, out, err = launch("--preset", "smoke", "--help")
    assert (status, err) == (0, "")
    assert "A toy." in out
    assert "Passes over the training data. (default: 1)" in " ".join(out.replace("│", " ").split())


BAD = [
    ("--epochs 0", "epochs must be at least 1, got 0."),
    ("--batch-size -3", "batch_size must be at least 1, got -3."),
    ("--seeds 0", "seeds must be at least 1, got 0."),
    ("--devices 0", "devices must be at least 1, got 0."),
    ("--limit 0", "limit must be at least 1, got 0."),
    ("--replica-parallel --parallel pmap", "replica_parallel leaves batches whole and parallel spreads them"),
    ("--batch-size 10 --accumulate 4", "accumulate must divide batch_size, got 4 parts of 10 examples."),
    ("--accumulate 0", "accumulate must be at least 1, got 0."),
    ("--skip-nonfinite -1", "skip_nonfinite must be at least 0, got -1."),
    ("--seed -1", "seed must be between 0 and 2147483647, got -1."),
    ("--seed 2147483647 --seeds 2", "seed must be between 0 and 2147483646, got 2147483647."),
    ("--resume --overwrite", "resume continues a run and overwrite deletes it; give one of them."),
    ("--weights 1 -1", "weights must be >= 0, got (1.0, -1.0)."),
    ("--epochs many", "--epochs: invalid literal for int() with base 10: 'many'"),
    ("--remainder keep", "'keep'"),
    ("--epoch 3", "Unrecognized options: --epoch"),
    ("--nonsense", "Unrecognized options: --nonsense; --help lists all flags and their values."),
    ("extra", "Unrecognized options: extra"),
    ("--epochs", "--epochs"),
    ("--preset best", "Unknown preset 'best'; known are full, smoke."),
    ("--preset", "--preset needs a name; known are full, smoke."),
]


@pytest.mark.parametrize(("arguments", "message"), BAD, ids=[arguments for arguments, _ in BAD])
@pytest.mark.parametrize("columns", ["40", "200"])
def test_a_bad_command_line_is_one_line(launch, monkeypatch, arguments, message, columns):
    monkeypatch.setenv("COLUMNS", columns)
    status, out, err = launch(*shlex.split(arguments))
    assert (status, out) == (2, "")
    assert err.startswith("error: ")
    assert err.endswith(".\n")
    assert err.count("\n") == 1
    assert message in err


@dataclass(frozen=True, kw_only=True)
class Numbers(cli.Checked):
    count: int | None = 2
    rate: float = 1.0
    weight: float = 0.0
    rows: tuple[str, ...] = ("a",)

    def __post_init__(self):
        self.require_known("rows", ("a", "b"))
        self.require_at_least(2, "count")
        self.require_positive("rate")
        self.require_non_negative("weight")


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"count": 1}, "count must be at least 2, got 1."),
        *(({"rate": rate}, f"rate must be finite and > 0, got {rate}.") for rate in (0, -1, inf, nan)),
        *(({"weight": rate}, f"weight must be finite and >= 0, got {rate}.") for rate in (-1, inf, nan)),
        ({"rows": ("a", "c")}, "Unknown row 'c'; known are 'a', 'b'."),
        ({"rows": ("a", "a")}, "rows must be one or more different names, got a, a."),
        ({"rows": ()}, "rows must be one or more different names, got none."),
    ],
)
def test_checks_name_the_field_and_its_number(numbers, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Numbers(**numbers)


def test_checks_let_bounds_pass_and_what_is_not_given():
    assert (Numbers().count, Numbers().weight) == (2, 0.0)
    passed = Numbers(count=None, rate=1e-30, rows=("b", "a"))
    assert (passed.count, passed.rate, passed.rows) == (None, 1e-30, ("b", "a"))


def _raising(error):
    def main(config):
        raise error

    return main


def test_a_stop_says_how_to_go_on(launch):
    stop = RunStopped("stopped by SIGINT; the state is saved.", status=130, resumable=True)
    status, _, err = launch("--workdir", "a dir", "--overwrite", main=_raising(stop))
    assert status == 130
    assert err == (
        "error: stopped by SIGINT; the state is saved. Continue with: "
        f"{shlex.join(_program())} --workdir 'a dir' --resume\n"
    )


def _program():
    spec = sys.modules["__main__"].__spec__
    return ["python", "-m", spec.name.removesuffix(".__main__")] if spec else ["python", "toy.py"]


@pytest.mark.parametrize("name", ["experiments.toy", "experiments.toy.__main__"], ids=["module", "package"])
def test_the_line_to_go_on_with_names_the_module_that_runs(launch, monkeypatch, name):
    spec = type("Spec", (), {"name": name})
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", spec)
    _, _, err = launch("--resume", "--seed", "3", main=_raising(RunStopped("x.", resumable=True)))
    assert err == "error: x. Continue with: python -m experiments.toy --seed 3 --resume\n"


def test_an_early_end_that_was_asked_for_is_no_error(launch):
    assert launch(main=_raising(RunStopped("All said.", status=0))) == (0, "All said.\n", "")


def test_a_stop_that_cannot_be_resumed_is_one_line(launch):
    assert launch(main=_raising(RunStopped("loss is nan."))) == (1, "", "error: loss is nan.\n")


def test_a_failing_disk_is_one_line(launch):
    error = OSError(28, "No space left on device", "runs/toy/metrics.jsonl")
    status, out, err = launch(main=_raising(error))
    assert (status, out) == (1, "")
    assert err == "error: No space left on device: runs/toy/metrics.jsonl. Checkpoints so far are kept.\n"


def test_an_error_of_the_system_without_a_file_is_one_line(launch):
    status, _, err = launch(main=_raising(OSError(5, "Input/output error")))
    assert (status, err) == (1, "error: Input/output error. Checkpoints so far are kept.\n")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MemoryError("Unable to allocate 3. GiB for an array"), "Unable to allocate 3. GiB for an array"),
        (MemoryError(), "none left"),
        (
            jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes.\nAt ..."),
            "Out of memory allocating 9 bytes",
        ),
    ],
    ids=["NumPy", "Python", "XLA"],
)
def test_too_little_memory_is_one_line(launch, error, reason):
    status, out, err = launch(main=_raising(error))
    assert (status, out) == (1, "")
    assert err == (
        f"error: not enough memory: {reason}; a smaller batch, or fewer or smaller images, need less. "
        "Checkpoints so far are kept.\n"
    )


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            RuntimeError("Unable to initialize backend 'cuda': no GPU. (set JAX_PLATFORMS='')\nMore."),
            " (Unable to initialize backend 'cuda': no GPU. (set JAX_PLATFORMS=''))",
        ),
        (AssertionError(), ""),
    ],
    ids=["no device", "no plugin"],
)
def test_a_machine_without_the_devices_asked_for_is_one_line(launch, monkeypatch, error, said):
    def devices():
        raise error

    monkeypatch.setattr(jax, "devices", devices)
    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    asked = "JAX_PLATFORMS asks for cuda, set it to cpu or leave it out"
    assert launch() == (2, "", f"error: JAX finds no device to compute on; {asked}{said}.\n")


def test_the_librarys_refusals_are_one_line(launch):
    status, out, err = launch(main=lambda config: data.load("mnits", split="train"))
    assert (status, out) == (2, "")
    assert err == f"error: Unknown data set 'mnits'; known are {', '.join(data.NAMES)}, folder:PATH.\n"


@pytest.fixture
def launch_one(monkeypatch, capsys):
    """Launches one of two toys: its exit status, the configurations that they got, stdout and stderr."""

    def launch_one(*arguments):
        got = {"first": [], "second": []}
        monkeypatch.setattr(sys, "argv", ["toys.py", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.launch_one({word: (into.append, PRESETS) for word, into in got.items()}, description="Toys.")
        return end.value.code or 0, got, *capsys.readouterr()

    return launch_one


def test_the_first_word_chooses_the_experiment_and_the_rest_are_its_flags(launch_one):
    status, got, _, _ = launch_one("second", "--preset", "smoke", "--limit", "7", "--no-compile-cache")
    assert status == 0
    expected = Config(preset="smoke", epochs=1, limit=7, compile_cache=False)
    assert got == {"first": [], "second": [expected]}


@pytest.mark.parametrize("arguments", [("third",), ("--epochs", "3")])
def test_another_first_word_is_refused_with_the_known_ones(launch_one, arguments):
    status, got, _, err = launch_one(*arguments)
    assert (status, got) == (2, {"first": [], "second": []})
    assert err == f"error: the first argument must be one of first, second, got {arguments[0]}.\n"


@pytest.mark.parametrize("arguments", [(), ("--help",)])
def test_without_a_word_it_says_what_to_type(launch_one, arguments):
    status, got, out, _ = launch_one(*arguments)
    assert (status, got) == (0, {"first": [], "second": []})
    assert out.startswith("Toys.")
    for word in ("first", "second"):
        assert re.search(rf"^    python .*{word}$", out, re.M)


@pytest.mark.parametrize("main", [_raising(ValueError("a bug")), lambda config: json.loads("{")])
def test_a_bug_keeps_its_traceback(monkeypatch, main):
    monkeypatch.setattr(sys, "argv", ["toy.py"])
    with pytest.raises(ValueError, match=r"a bug|Expecting"):
        cli.launch(main, PRESETS, description="A toy.")


def test_what_jax_refuses_is_a_bug_although_jax_hides_its_own_frames(monkeypatch):
    """Raised below a function that passes for an experiment's."""
    monkeypatch.setattr(sys, "argv", ["toy.py"])
    namespace = {"__name__": "experiments.toy", "jax": jax, "jnp": jnp}
    main = eval("lambda config: jax.vmap(jnp.add)(jnp.zeros(2), jnp.zeros(3))", namespace)
    with pytest.raises(ValueError, match="inconsistent sizes"):
        cli.launch(main, PRESETS, description="A toy.")


@pytest.fixture
def _not_ignored():
    """As a process is that no `nohup` has started."""
    before = {kind: signal.getsignal(kind) for kind in STOPPING}
    for kind in STOPPING:
        if before[kind] == signal.SIG_IGN:
            signal.signal(kind, signal.SIG_DFL)
    yield
    for kind, handler in before.items():
        signal.signal(kind, handler)


@pytest.mark.usefixtures("_not_ignored")
@pytest.mark.parametrize("kind", STOPPING)
@pytest.mark.parametrize("begun", [True, False], ids=["begun", "not begun"])
def test_a_signal_outside_of_training_is_one_line(launch, tmp_path, kind, begun):
    if begun:
        (tmp_path / "config.json").write_text("{}")
    before = signal.getsignal(kind)
    status, _, err = launch("--workdir", str(tmp_path), main=lambda config: os.kill(os.getpid(), kind))
    assert status == 128 + kind
    assert err.startswith(f"error: stopped by {kind.name}.")
    assert err.count("\n") == 1
    assert err.endswith("--resume\n") == begun
    assert signal.getsignal(kind) is before


@pytest.mark.parametrize("again", ["at once", "turned into another error"])
def test_two_signals_in_a_moment_are_one_line(launch, again):
    """As a launcher causes them that passes on what the terminal has sent already."""

    def main(config):
        try:
            os.kill(os.getpid(), signal.SIGINT)
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            if again != "at once":
                raise RuntimeError("a library's own words")

    assert launch(main=main) == (128 + signal.SIGINT, "", "error: stopped by SIGINT.\n")


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_whose_exception_is_lost_comes_again(launch, tmp_path, kind):
    class Left:
        def __del__(self):
            os.kill(os.getpid(), kind)
            time.sleep(0)  # where Python looks for signals, and drops what a destructor raises

    def main(config):
        left = Left()
        del left
        time.sleep(30)

    status, _, err = launch("--workdir", str(tmp_path), main=main)
    assert status == 128 + kind
    assert err == f"error: stopped by {kind.name}.\n"


def test_a_record_is_what_json_can_hold():
    spec = data.load("mnist", split="test", limit=3).spec
    record = cli.record("toy", Config(data_dir=Path("data")), data=spec)
    record |= cli.record_training(
        {"family": "vlae"}, [Replica("a", 4, {"weight": 0.5})], weights={"kl": 1, "mmd": abs}
    )
    assert json.loads(json.dumps(record)).keys() == record.keys()
    assert record["experiment"] == "toy"
    assert record["config"]["weights"] == (1.0, 2.0)
    assert record["config"]["data_dir"] == "data"
    assert "nested" not in record["config"]
    assert record["weights"] == {"kl": 1.0, "mmd": "schedule"}
    assert record["replicas"] == [{"variant": "a", "seed": 4, "hyper": {"weight": 0.5}}]
    assert record["data"]["fingerprint"] == spec.fingerprint
    assert {"workdir", "devices", "resume"} <= set(record["free"])
    assert not {"data", "epochs", "seed"} & set(record["free"])
    assert record["environment"].keys() >= {"python", "jax", "flax", "optax", "numpy", "devices"}


@pytest.fixture
def own_cache():
    """JAX as a user has it, who has not chosen a folder for compiled programs; the tests have."""
    chosen = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", None)
    compilation_cache.reset_cache()
    yield
    jax.config.update("jax_compilation_cache_dir", chosen)
    compilation_cache.reset_cache()


def _compile(config):
    jax.jit(lambda x: jnp.sort(jnp.cumsum(x) @ jnp.ones((128, 128))))(jnp.arange(128.0)).block_until_ready()


@pytest.mark.usefixtures("own_cache")
def test_compiled_programs_are_kept_in_the_users_cache(launch, tmp_path, monkeypatch):
    monkeypatch.setattr(process, "_SHORTEST_COMPILATION", 0.0)
    assert launch("--no-compile-cache", main=_compile) == (0, "", "")
    assert not (tmp_path / "cache").exists()
    jax.clear_caches()
    compilation_cache.reset_cache()
    assert launch(main=_compile) == (0, "", "")
    assert list((tmp_path / "cache" / "jaxvae" / "xla").iterdir())
    assert jax.config.jax_compilation_cache_dir is None


@pytest.mark.usefixtures("own_cache")
def test_a_cache_that_cannot_be_written_is_done_without(launch, tmp_path):
    (tmp_path / "cache").write_text("a file is in the way")
    assert launch(main=_compile) == (0, "", "")


@pytest.mark.usefixtures("own_cache")
def test_the_users_own_cache_is_used(launch, tmp_path):
    own = str(tmp_path / "own")
    jax.config.update("jax_compilation_cache_dir", own)
    seen = []
    assert launch(main=lambda config: seen.append(jax.config.jax_compilation_cache_dir)) == (0, "", "")
    assert seen == [own]


def test_a_package_that_is_not_installed_is_recorded_as_such(monkeypatch):
    def version(name):
        if name in ("jaxvae", "dm-pix"):
            raise PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(sys.modules["jaxvae.cli.record"], "version", version)
    found = cli.environment()
    assert {name: found[name] for name in ("jaxvae", "dm-pix", "jax")} == {
        "jaxvae": "not installed",
        "dm-pix": "not installed",
        "jax": "1.0",
    }


def test_scripts_without_docstrings_have_help(monkeypatch, capsys):
    """As under `python -OO`."""
    monkeypatch.setattr(sys, "argv", ["toys.py", "--help"])
    for start in (
        lambda: cli.launch(print, PRESETS, description=None),
        lambda: cli.launch_one({"first": (print, PRESETS)}, description=None),
    ):
        with pytest.raises(SystemExit) as end:
            start()
        assert end.value.code == 0
    out, err = capsys.readouterr()
    assert "--epochs" in out
    assert "Type one of" in out
    assert err == ""


def test_a_user_without_a_name_has_a_place_for_caches(monkeypatch):
    def home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", home)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_directory() == Path("/.cache/jaxvae")


@pytest.mark.parametrize("arguments", [["--workdir=~/runs"], ["--workdir", "~/runs"]])
def test_the_users_home_is_understood_where_a_shell_leaves_it(launch, monkeypatch, tmp_path, arguments):
    monkeypatch.setenv("HOME", str(tmp_path))
    seen = []
    assert launch(*arguments, main=seen.append)[0] == 0
    assert launch("--workdir=a~/~b", main=seen.append)[0] == 0
    assert [config.workdir for config in seen] == [tmp_path / "runs", Path("a~/~b")]
