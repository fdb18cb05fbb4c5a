import os
import shutil
import subprocess
import sys
import textwrap

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxvae.train import CheckpointError, Checkpoints, Player, init_state
from jaxvae.train.checkpoint import KEEP

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


@pytest.mark.parametrize("size", [0, 500])
def test_a_truncated_list_of_checksums_is_damage(three, size):
    os.truncate(three.directory / "30" / "SHA256SUMS", size)
    assert "SHA256SUMS does not list" in three.restore(vars(state(0)))[1][0]
    assert three.steps() == [10, 20]


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
        CheckpointError, match=r"no readable checkpoint in .*30 is damaged.*10 is damaged.*--overwrite"
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
