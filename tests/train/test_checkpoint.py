import errno
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import threading

import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
import pytest

from jaxvae.train import CheckpointError, Checkpoints, Player, init_state
from jaxvae.train.checkpoint import KEEP
from jaxvae.train.sums import write_sums

PLAYERS = {"all": Player(("dense",), optax.adam(0.1))}


def state(step, *, ema=True, replicas=2):
    def one(seed):
        key = jax.random.key(seed)
        params = {"dense": {"kernel": jax.random.normal(key, (2, 3)), "bias": jnp.full(3, step)}}
        variables = {"params": params, "batch_stats": {"mean": jnp.full(3, 0.1)}}
        return init_state(key, variables, PLAYERS, hyper={"ssim": jnp.float32(1.5)}, ema=ema)

    stacked = jax.vmap(one)(jnp.arange(replicas))
    return stacked.replace(step=jnp.full(replicas, step, jnp.int32))


def assert_same(actual, expected):
    assert jax.tree.structure(actual) == jax.tree.structure(expected)
    for a, b in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        assert a.dtype == b.dtype
        data = [jax.random.key_data(x) if jnp.issubdtype(x.dtype, jax.dtypes.prng_key) else x for x in (a, b)]
        np.testing.assert_array_equal(*data)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Checkpoints of steps 10, 20 and 30, to be copied and not to be touched."""
    checkpoints = Checkpoints(tmp_path_factory.mktemp("saved") / "checkpoints")
    for step in (10, 20, 30):
        checkpoints.save(state(step))
    return checkpoints


@pytest.fixture
def three(saved, tmp_path):
    shutil.copytree(saved.directory, tmp_path / "checkpoints")
    return Checkpoints(tmp_path / "checkpoints")


def largest(checkpoints, step):
    """The file with the arrays."""
    files = [f for f in (checkpoints.directory / str(step)).rglob("*") if f.is_file()]
    return max(files, key=lambda file: file.stat().st_size)


@pytest.mark.parametrize("ema", [True, False])
def test_a_state_comes_back_as_it_was(tmp_path, ema):
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    checkpoints.save(state(7, ema=ema))
    restored, complaints = checkpoints.restore(vars(state(0, ema=ema)))
    assert_same(restored, state(7, ema=ema))
    assert complaints == []


def test_a_state_comes_back_as_dictionaries(saved):
    tree = saved.restore_tree()
    assert tree["step"].tolist() == [30, 30]
    np.testing.assert_array_equal(tree["params"]["dense"]["bias"], np.full((2, 3), 30))
    np.testing.assert_array_equal(tree["key"], jax.random.key_data(state(0).key))


def test_the_newest_stay(three):
    three.save(state(40))
    assert three.steps() == [20, 30, 40]
    assert len(three.steps()) == KEEP
    assert not (three.directory / "10").exists()


def test_a_step_is_written_once(three):
    before = largest(three, 30).stat().st_mtime_ns
    three.save(state(30))
    assert largest(three, 30).stat().st_mtime_ns == before


def truncate(file):
    file.write_bytes(file.read_bytes()[:-1])


def flip(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "said"), [(truncate, "altered"), (flip, "altered"), (lambda file: file.unlink(), "missing")]
)
def test_a_damaged_checkpoint_is_left_for_the_one_before(three, damage, said):
    damage(largest(three, 30))
    restored, complaints = three.restore(vars(state(0)))
    assert_same(restored, state(20))
    assert len(complaints) == 1
    assert complaints[0].startswith("checkpoint 30 is damaged")
    assert said in complaints[0]
    assert three.steps() == [10, 20]
    assert (three.directory / "30.damaged").is_dir()


def cut_at_a_line(content):
    return b"".join(content.splitlines(keepends=True)[:4])


SUMS = {
    "emptied": lambda content: b"",
    "cut": lambda content: content[:500],
    "cut at a line": cut_at_a_line,
    "a bit of its head": lambda content: bytes([content[0] ^ 128]) + content[1:],
    "a bit of its number": lambda content: content[:2] + bytes([content[2] ^ 1]) + content[3:],
    "a bit of a checksum": lambda content: content[:40] + bytes([content[40] ^ 1]) + content[41:],
    "a high bit of a checksum": lambda content: content[:40] + bytes([content[40] ^ 128]) + content[41:],
    "a bit of a name": lambda content: content[:-3] + bytes([content[-3] ^ 1]) + content[-2:],
    "a high bit of a name": lambda content: content[:-3] + bytes([content[-3] ^ 128]) + content[-2:],
    "zeros": lambda content: bytes(len(content)),
}


@pytest.mark.parametrize("change", SUMS.values(), ids=SUMS)
def test_a_damaged_list_of_checksums_leaves_the_checkpoint_before(three, change):
    sums = three.directory / "30" / "SHA256SUMS"
    sums.write_bytes(change(sums.read_bytes()))
    restored, complaints = three.restore(vars(state(0)))
    assert_same(restored, state(20))
    assert [complaint.partition(" (")[0] for complaint in complaints] == ["checkpoint 30 is damaged"]
    assert three.steps() == [10, 20]


def test_a_list_without_the_number_of_files_is_one_of_an_earlier_version(three):
    sums = three.directory / "30" / "SHA256SUMS"
    sums.write_text(sums.read_text().partition("\n")[2])
    assert three.restore(vars(state(0)))[1] == []


def test_files_that_others_leave_do_not_count(three):
    for step in three.steps():
        for name in (".DS_Store", "Thumbs.db", "default/.directory", "default/d/desktop.ini"):
            (three.directory / str(step) / name).write_text("mine")
    for name in ("notes", "40 (copy)", "040", "²", "٣"):
        (three.directory / name).mkdir()
    (three.directory / "50").write_text("mine")
    restored, complaints = three.restore(vars(state(0)))
    assert_same(restored, state(30))
    assert complaints == []
    three.save(state(40))
    assert three.steps() == [20, 30, 40]
    assert_same(three.restore(vars(state(0)))[0], state(40))
    assert (three.directory / "50").read_text() == "mine"
    assert (three.directory / "notes").is_dir()


@pytest.mark.parametrize(
    "name",
    [
        "[2024] thesis/runs",
        "run[lr=0.1]",
        "what? all * of {it}",
        "back\\slash",
        "100%25 #1 a:b=c,d;e",
        "Läufe \N{SNOWMAN}",
        "two\nlines",
        "~",
        "'quoted' \"twice\" $HOME",
    ],
)
def test_any_characters_may_be_in_the_path(tmp_path, saved, name):
    checkpoints = Checkpoints(tmp_path / name / "checkpoints")
    checkpoints.save(state(7))
    assert_same(checkpoints.restore(vars(state(0)))[0], state(7))
    moved = Checkpoints(checkpoints.directory.rename(tmp_path / "moved"))
    assert_same(moved.restore(vars(state(0)))[0], state(7))
    shutil.copytree(saved.directory, checkpoints.directory)
    assert checkpoints.restore_tree()["step"].tolist() == [30, 30]


def test_temporary_files_below_such_a_path_too_are_refused(tmp_path, monkeypatch):
    (tmp_path / "[temporary]").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "[temporary]"))
    checkpoints = Checkpoints(tmp_path / "[runs]")
    with pytest.raises(ValueError, match=r"need a folder of temporary files .*; set TMPDIR to another one\."):
        checkpoints.save(state(7))
    assert checkpoints.steps() == []


def test_what_a_run_is_lies_beside_its_states(tmp_path):
    checkpoints = Checkpoints(tmp_path / "checkpoints", {"config": {"experiment": "toy"}})
    assert checkpoints.read_record() == {}
    for step in (10, 20):
        checkpoints.save(state(step))
    record = {"config": {"experiment": "toy"}, "prng": "threefry2x32"}
    assert checkpoints.read_record() == record
    flip(checkpoints.directory / "20" / "record.json")
    assert checkpoints.read_record() == record
    assert "record.json is truncated or altered" in checkpoints.restore(vars(state(0)))[1][0]


def with_params(change):
    def changed():
        fields = dict(vars(state(0)))
        fields["params"] = {"dense": change(dict(fields["params"]["dense"]))}
        return fields

    return changed


MISFITS = {
    "shape": (
        with_params(lambda dense: dense | {"kernel": jnp.zeros((2, 2, 4))}),
        r"params/dense/kernel is float32 of shape \(2, 2, 3\), not float32 of shape \(2, 2, 4\)",
    ),
    "type": (
        with_params(lambda dense: dense | {"bias": dense["bias"].astype(jnp.float32)}),
        r"params/dense/bias is int32 of shape \(2, 3\), not float32",
    ),
    "more": (
        with_params(lambda dense: dense | {"scale": jnp.zeros((2, 3))}),
        "params/dense/scale is not in it",
    ),
    "less": (
        with_params(lambda dense: {"kernel": dense["kernel"]}),
        "params/dense/bias is not wanted",
    ),
    "no average": (lambda: vars(state(0, ema=False)), "ema/dense/bias is not wanted"),
    "replicas": (lambda: vars(state(0, replicas=3)), r"of shape \(2,.*, not .* of shape \(3,"),
}


@pytest.mark.parametrize(("like", "message"), MISFITS.values(), ids=MISFITS)
def test_another_state_is_refused_by_the_name_of_its_array(three, like, message):
    truncate(largest(three, 30))
    with pytest.raises(
        CheckpointError, match=f"checkpoint 20 in .* of another model or .*: .*{message}"
    ) as refusal:
        three.restore(like())
    assert "\n" not in str(refusal.value)
    assert three.steps() == [10, 20, 30]


def keys_of(implementation):
    keys = jax.random.wrap_key_data(
        jnp.zeros((2, 2 if implementation == "threefry2x32" else 4), jnp.uint32), impl=implementation
    )
    return state(10).replace(key=keys)


@pytest.mark.parametrize(
    ("trained", "now"), [("rbg", "threefry2x32"), ("threefry2x32", "rbg"), ("rbg", "unsafe_rbg")]
)
def test_random_numbers_of_another_kind_are_refused(tmp_path, trained, now):
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    checkpoints.save(keys_of(trained))
    with pytest.raises(
        CheckpointError, match=f"by {trained}, now they are by {now}; set JAX_DEFAULT_PRNG_IMPL={trained}"
    ):
        checkpoints.restore(vars(keys_of(now)))
    assert_same(checkpoints.restore(vars(keys_of(trained)))[0], keys_of(trained))


def test_what_orbax_cannot_read_is_one_sentence(three):
    for step in three.steps():
        (three.directory / str(step) / "default" / "_METADATA").write_text("{}")
        write_sums(three.directory / str(step))
    with pytest.raises(
        CheckpointError, match=r"^checkpoint 30 in [^:]* is none that this version of Orbax reads"
    ) as refusal:
        three.restore(vars(state(0)))
    assert "\n" not in str(refusal.value)


def test_training_goes_on_after_a_damaged_checkpoint(three):
    truncate(largest(three, 30))
    three.restore(vars(state(0)))
    three.save(state(30))
    truncate(largest(three, 30))
    assert_same(three.restore(vars(state(0)))[0], state(20))
    three.save(state(30))
    assert_same(three.restore(vars(state(0)))[0], state(30))


def test_nothing_readable_is_refused(three):
    for step in three.steps():
        truncate(largest(three, step))
    with pytest.raises(
        CheckpointError, match=r"no readable checkpoint in .*30 is damaged.*10 is damaged.*another --workdir"
    ):
        three.restore(vars(state(0)))
    assert three.steps() == [10, 20, 30]


def test_no_checkpoint_is_refused(tmp_path):
    checkpoints = Checkpoints(tmp_path / "none")
    assert checkpoints.steps() == []
    with pytest.raises(CheckpointError, match="no readable checkpoint"):
        checkpoints.restore_tree()


def test_a_checkpoint_without_its_checksums_is_incomplete(three):
    (three.directory / "30" / "SHA256SUMS").rename(three.directory / "30" / "SHA256SUMS.part")
    assert three.steps() == [10, 20]
    assert_same(three.restore(vars(state(0)))[0], state(20))
    three.save(state(30))
    assert_same(three.restore(vars(state(0)))[0], state(30))


def test_an_incomplete_checkpoint_does_not_keep_an_earlier_step_from_being_saved(three):
    (three.directory / "30" / "SHA256SUMS").unlink()
    three.save(state(25))
    assert three.steps() == [10, 20, 25]
    assert_same(three.restore(vars(state(0)))[0], state(25))


def test_what_orbax_was_writing_is_ignored(three):
    (three.directory / "30").rename(three.directory / "30.orbax-checkpoint-tmp")
    assert three.steps() == [10, 20]
    three.save(state(30))
    assert three.steps() == [10, 20, 30]


def test_an_error_of_the_system_in_orbaxs_threads_names_the_checkpoint_and_no_more(three, monkeypatch):
    """As where the disk is full of what Orbax writes beside the arrays."""

    def fail(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def save(self, step, args):
        thread = threading.Thread(target=fail)  # whose traceback would be an error of this test
        thread.start()
        thread.join()
        fail()

    monkeypatch.setattr(ocp.CheckpointManager, "save", save)
    with pytest.raises(OSError, match="No space left on device") as caught:
        three.save(state(40))
    assert caught.value.filename == str(three.directory / "40")


def test_a_full_disk_leaves_the_checkpoints_before(three):
    program = """
        import resource, sys
        import jax.numpy as jnp, optax
        import jax
        from jaxvae.train import Checkpoints, Player, init_state

        players = {"all": Player(("dense",), optax.sgd(0.1))}
        kernel = jax.random.normal(jax.random.key(0), (512, 512))
        state = init_state(jax.random.key(0), {"params": {"dense": kernel}}, players)
        state = jax.tree.map(lambda leaf: leaf[None], state).replace(step=jnp.full(1, 40, jnp.int32))
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        try:
            Checkpoints(sys.argv[1]).save(state)
        except OSError as error:
            print("refused:", error.strerror, error.filename)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(three.directory)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout.strip() == f"refused: File too large {three.directory / '40'}"
    assert done.stderr == ""
    assert three.steps() == [10, 20, 30]
    assert_same(three.restore(vars(state(0)))[0], state(30))
    three.save(state(40))
    assert_same(three.restore(vars(state(0)))[0], state(40))


def test_a_failing_disk_is_an_os_error(three, monkeypatch):
    def save(*_, **__):
        raise ValueError("DATA_LOSS: Failed to write 9 bytes to file 21 [os_error_code='5']")

    monkeypatch.setattr("orbax.checkpoint.CheckpointManager.save", save)
    with pytest.raises(OSError, match="Input/output error") as error:
        three.save(state(40))
    assert error.value.filename == str(three.directory / "40")
    assert three.steps() == [10, 20, 30]
