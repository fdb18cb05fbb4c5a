"""What `python -m benchmarks.compiled` takes and refuses, and its tables; what it compiles is in test_tpu_programs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import checkouts, compiled, compiled_tables, targets, trainings
from jaxvae import train

ROOT = Path(__file__).parents[2]


def row(**changes):
    return {
        "model": "vaegan",
        "platform": "tpu",
        "topology": "v5e:2x2",
        "devices": 4,
        "mode": "jit",
        "replicas": 1,
        "precision": "float32",
        "batch_size": 16,
        "flops": 2e9,
        "bytes_accessed": 4e8,
        "main_memory_bytes": 1e8,
        "argument_bytes": 2 * 10**9,
        "temporary_bytes": 10**9,
        "output_bytes": 10**7,
        "memory_bytes": 16 * 10**9,
        "kernels": 5,
        "kinds": {"fusion": 3, "GEMM": 2},
        "collectives": {"all-reduce": {"count": 2, "bytes": 4_000}},
        "compile_seconds": 12.0,
    } | changes


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_table_shows_memory_beside_the_device_s():
    table = compiled_tables.table([row()]).splitlines()
    assert cells(table[2]) == [
        *("vaegan", "4", "jit", "1", "16", "float32", "2.00", "400", "3.01 of 16", "5"),
        *("2 all-reduce (4 kB)", "12"),
    ]
    assert table[-1] == "vaegan, 4 jit: 3 fusion, 2 GEMM"


def test_two_commits_stand_side_by_side_with_their_ratio():
    rows = [row(commit="old"), row(commit="new", flops=1e9, collectives={}), row(commit="old", devices=1)]
    table = compiled_tables.side_by_side(rows, ("old", "new")).splitlines()
    assert cells(table[0])[2:] == ["old", "new", "ratio"]
    assert cells(table[2]) == ["vaegan, 4 jit, float32", "GFLOP", "2.00", "1.00", "0.50"]
    assert cells(table[-1])[1:4] == ["collectives", "2 all-reduce (4 kB)", "-"]


@pytest.mark.parametrize(
    ("platform", "topology", "sentence"),
    [
        ("tpu", "v5e:3x3", "topology of tpu must be one of v5e:2x2, v5e:2x4, .*, got 'v5e:3x3'"),
        ("cpu", "v5e:2x2", "topology of cpu must be one of host:1, host:4, host:8, got 'v5e:2x2'"),
        ("quantum", None, "platform must be one of tpu, gpu, cpu, got 'quantum'"),
    ],
)
def test_devices_that_do_not_exist_are_refused_with_those_that_do(platform, topology, sentence):
    with pytest.raises(ValueError, match=sentence):
        targets.find(platform, topology)


@pytest.mark.parametrize(("platform", "package"), [("tpu", r"jax\[tpu\]"), ("gpu", "nvidia-cuda-nvcc")])
def test_a_platform_whose_compiler_is_missing_says_what_to_install(platform, package, monkeypatch):
    monkeypatch.setattr(targets, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=rf"needs .*{package}.*pip install -e \"\.\[aot\]\""):
        targets.find(platform)


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ({"devices": ()}, "devices needs at least one value"),
        ({"devices": (0,)}, "at least 1, got 0"),
        ({"batch_size": 0}, "at least 1, got 0"),
        ({"accumulate": 0}, "at least 1, got 0"),
        ({"commit": ("HEAD",)}, "two commits to compare, got 1"),
    ],
)
def test_flags_that_name_nothing_to_compile_are_refused(flags, sentence):
    with pytest.raises(ValueError, match=sentence):
        compiled.Config(**flags).check()


@pytest.mark.parametrize(
    ("model", "flags", "sentence"),
    [
        ("ladder", {}, "model must be one of vlae_mnist, .*, got 'ladder'"),
        ("aae/vae", {}, "programs of aae are vae_normal, aae_normal, .*, got 'vae'"),
        ("aae", {"preset": "tiny"}, "preset of aae must be one of full, smoke, got 'tiny'"),
        ("vaegan", {"batch_size": 3}, "divisible by the number of devices, got 3 over 2"),
    ],
)
def test_trainings_that_do_not_exist_are_refused(model, flags, sentence):
    with pytest.raises(ValueError, match=sentence):
        trainings.find(model, train.Parallel("jit", 2), **flags)


def test_more_devices_than_the_topology_has_are_refused(monkeypatch, capsys):
    out = subprocess.run(
        [sys.executable, "-m", "benchmarks.compiled", "--platform", "cpu", "--devices", "1", "5"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (out.returncode, out.stdout) == (2, "")
    assert out.stderr == "error: devices must be between 1 and the 4 cpu device(s) of the topology, got 5.\n"


@pytest.mark.parametrize("model", trainings.ENTRIES)
def test_a_stand_in_has_the_shape_of_the_default_data_and_no_pixels(model):
    job = trainings.find(model, train.Parallel())
    images = job.source.dataset.images
    shape = {
        "winged_horses": (105_000, 96, 96, 3),
        "vaegan": (162_770, 64, 64, 3),
    }.get(model, (60_000, 28, 28, 1))
    assert images.shape == shape
    assert images.strides == (0, 0, 0, 0)
    assert len(job.replicas) == {"vlae_mnist": 2, "vaegan": 1}.get(model, 3)


def test_other_flags_than_the_preset_s_reach_the_experiment():
    job = trainings.find("winged_horses", train.Parallel(), preset="smoke", seeds=2, batch_size=24)
    assert (len(job.replicas), job.source.batch_size) == (6, 24)
    assert job.experiment.config.widths == (16, 32, 64)
    wanted = trainings.find("aae/aae_ring", train.Parallel(), preset="smoke")
    assert list(wanted.training.variants) == ["AAE, ring"]


def test_commits_are_checked_before_anything_is_compiled():
    with pytest.raises(ValueError, match="no commit 'nothing'"):
        checkouts.compare(("HEAD", "nothing"), [])


def test_commits_get_the_flags_that_were_given(monkeypatch):
    """And no others that an older commit may not know."""
    got = []
    monkeypatch.setattr(checkouts, "compare", lambda commits, arguments: got.append(arguments) or [])
    compiled.main(compiled.Config(commit=("old", "new"), model=("aae",)))
    compiled.main(compiled.Config(commit=("old", "new"), model=("aae",), remat=True, accumulate=4))
    assert [word for word in got[1] if word not in got[0]] == ["--accumulate", "4", "--remat"]


def test_each_commit_is_compiled_by_its_own_code(monkeypatch, tmp_path):
    """In a small repository whose two commits of `benchmarks/compiled.py` write different rows."""
    module = tmp_path / "benchmarks" / "compiled.py"
    module.parent.mkdir()
    module.with_name("__init__.py").touch()
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    for number in ("1", "2"):
        module.write_text(
            "import json, pathlib, sys\n"
            f"rows = [{{'flags': sys.argv[1:3], 'flops': {number}}}]\n"
            "pathlib.Path(sys.argv[-1]).write_text(json.dumps({'rows': rows}))\n"
        )
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "--quiet", "-m", number], check=True)
    monkeypatch.setattr(checkouts, "ROOT", tmp_path)
    rows = checkouts.compare(("HEAD~1", "HEAD"), ["--platform", "cpu"])
    assert rows == [
        {"flags": ["--platform", "cpu"], "flops": 1, "commit": "HEAD~1"},
        {"flags": ["--platform", "cpu"], "flops": 2, "commit": "HEAD"},
    ]
    listed = subprocess.run([*git, "worktree", "list"], capture_output=True, text=True, check=True)
    assert len(listed.stdout.splitlines()) == 1, "the checkouts are gone"


def test_the_file_has_what_was_asked_for_and_replaces_nothing(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(
        compiled.targets,
        "find",
        lambda *given: targets.Target(platform="cpu", topology="host:1", devices=(), chip=targets.V5E),
    )
    monkeypatch.setattr(compiled, "jobs", lambda *given: [("vaegan", None)])
    monkeypatch.setattr(compiled.programs, "build", lambda *given: None)
    monkeypatch.setattr(compiled.programs, "row", lambda *given: row())
    out = tmp_path / "rows.json"
    compiled.main(compiled.Config(out=out))
    (written,) = json.loads(out.read_text())["rows"]
    assert list(written) == [
        *("model", "platform", "topology", "devices", "mode", "replicas", "precision", "batch_size", "flops"),
        *("bytes_accessed", "argument_bytes", "temporary_bytes", "kernels", "kinds", "collectives"),
        "compile_seconds",
    ]
    assert "| vaegan" in capsys.readouterr().out
    with pytest.raises(ValueError, match="exists"):
        compiled.main(compiled.Config(out=out))
