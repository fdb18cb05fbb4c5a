"""What a user may get wrong: one line on stderr, exit status 2, nothing written."""

import shutil

import pytest
from small_runs import SMALL, contents, run

from experiments import vlae_mnist


@pytest.fixture
def refusal(launch):
    """The one line with which these arguments are refused."""

    def refusal(*arguments):
        status, out, err = launch(" ".join(map(str, arguments)))
        assert (status, out) == (2, "")
        return _one_line(err)

    return refusal


def _one_line(err):
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    return err


BAD = [
    ("--data mnits", "Unknown data set 'mnits'; known are mnist, fashion_mnist, cifar10, stl10"),
    ("--data fashion_mnist --data-source bundled", "fashion_mnist does not ship with jaxvae"),
    ("--data-source disk", "'disk'"),
    ("--image-size 32", "mnist has images of 28 x 28 pixels, got image_size 32; leave it out"),
    ("--image-size 0", "image_size must be at least 1, got 0."),
    ("--data drawn --image-size 7", "drawn has pictures of 8 to 256 pixels a side, got image_size 7."),
    ("--data folder:/nowhere", "/nowhere must be a folder of pictures, but is missing."),
    ("--classes 3 horse", "Unknown class 'horse' of 'mnist'; known are 0, 1, 2, 3, 4, 5, 6, 7, 8, 9."),
    ("--classes 3 3", "each class must be named once, got 3, 3."),
    ("--limit 60001", "at most the 60000 examples of mnist, got 60001"),
    ("--batch-size 0", "batch_size must be at least 1, got 0."),
    ("--batch-size 241", "batch_size must be between 1 and the 240 examples of mnist, got 241."),
    ("--batch-size 1", "mmd2 needs >= 2 points per set, got 1 and 1."),
    ("--epochs 0", "epochs must be at least 1, got 0."),
    ("--devices 9", "devices must be between 1 and the 8 cpu device(s) of this machine, got 9."),
    ("--devices 3", "divisible by the number of devices, got 4 over 3 devices."),
    ("--devices 3 --parallel pmap", "divisible by the number of devices, got 4 over 3 devices."),
    ("--parallel mpi", "'mpi'"),
    (
        "--processes 2",
        "several processes need --coordinator, --processes and --process, got no --coordinator.",
    ),
    (
        "--coordinator h:1 --processes 2",
        "several processes need --coordinator, --processes and --process, got no",
    ),
    (
        "--coordinator here --processes 2 --process 0",
        "coordinator must be HOST:PORT, such as 10.0.0.1:1234, got here.",
    ),
    (
        "--coordinator h:0 --processes 2 --process 0",
        "coordinator must be HOST:PORT, such as 10.0.0.1:1234, got h:0.",
    ),
    ("--coordinator h:1 --processes 2 --process 2", "process must be from 0 to 1, as there are 2, got 2."),
    ("--ssim -1", "ssim must be finite and >= 0, got -1.0."),
    ("--mmd -0.5", "mmd must be finite and >= 0, got -0.5."),
    ("--kl -1", "kl must be finite and >= 0, got -1.0."),
    ("--kl-warmup -1", "kl_warmup must be finite and >= 0, got -1."),
    ("--mmd inf", "mmd must be finite and >= 0, got inf."),
    ("--kl nan", "kl must be finite and >= 0, got nan."),
    ("--ssim heavy", "--ssim: could not convert string to float: 'heavy'"),
    ("--latent-sizes 2 2 2", "got 3 latent sizes (2, 2, 2) for 2 levels of widths (4, 4)"),
    ("--widths 4 4 4 --latent-sizes 2 3 2", "their latent sizes must be equal, got (2, 3)"),
    ("--latent-sizes 2 0", "sizes must be at least 1"),
    ("--latent-sizes", "got 0 latent sizes"),
    ("--hidden 0", "sizes must be at least 1"),
    ("--learning-rate 0", "the learning rate must be positive, got 0.0."),
    ("--clip-norm -1", "the clipping norm must be >= 0, got -1.0."),
    ("--ema 1", "decay must be in [0, 1), got 1.0."),
    ("--seed -1", "seed must be between 0 and"),
    ("--resume", "there is no run to resume in"),
    ("--resume --overwrite", "resume continues a run and overwrite deletes it; give one of them."),
    ("--nonsense", "Unrecognized options: --nonsense"),
    ("--preset best", "Unknown preset 'best'; known are full, smoke."),
]


@pytest.mark.parametrize(("flags", "message"), BAD, ids=[flags for flags, _ in BAD])
def test_a_bad_flag_is_refused_before_anything_is_written(refusal, tmp_path, flags, message):
    assert message in refusal(SMALL, "--workdir", tmp_path / "runs" / "run", flags)
    assert not list(tmp_path.iterdir())


def test_data_that_is_not_prepared_is_refused(refusal, tmp_path):
    (tmp_path / "empty").mkdir()
    line = refusal("--data cifar10 --data-dir", tmp_path / "empty", "--workdir", tmp_path / "run")
    assert "cifar10 is not prepared in" in line
    assert "--data-dir" in line
    assert not (tmp_path / "run").exists()


def test_a_file_in_the_place_of_the_workdir_is_refused(refusal, tmp_path):
    (tmp_path / "file").write_text("mine")
    message = "workdir must be a directory"
    assert message in refusal(SMALL, "--workdir", tmp_path / "file")
    assert message in refusal(SMALL, "--overwrite --workdir", tmp_path / "file")
    assert contents(tmp_path) == {"file": b"mine"}


def test_a_workdir_that_cannot_be_written_is_refused(refusal):
    line = refusal(SMALL, "--workdir /dev/null/run")
    assert "workdir /dev/null/run cannot be written" in line
    assert "choose another --workdir" in line


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--hidden 17", "hidden was 16, now 17"),
        ("--widths 4 8", "widths was [4, 4], now [4, 8]"),
        ("--learning-rate 0.5", f"learning_rate was {vlae_mnist.Config().learning_rate}, now 0.5"),
        ("--epochs 4", "epochs was 3, now 4"),
        ("--seed 1", "seed was 0, now 1"),
        ("--limit 236", "limit was 240, now 236"),
        ("--precision bfloat16", "precision was 'float32', now 'bfloat16'"),
        ("--matmul-precision highest", "matmul_precision was 'default', now 'highest'"),
    ],
)
def test_a_run_of_another_configuration_is_not_resumed(refusal, finished, tmp_path, flags, message):
    shutil.copytree(finished[0], tmp_path / "run")
    before = contents(tmp_path)
    line = refusal(SMALL, "--resume --workdir", tmp_path / "run", flags)
    assert message in line
    assert "--workdir" in line
    assert contents(tmp_path) == before


def test_a_process_refuses_in_one_line_too(tmp_path):
    done = run(f"{SMALL} --workdir {tmp_path / 'run'} --devices 2")
    assert (done.returncode, done.stdout) == (2, "")
    message = "devices must be between 1 and the 1 cpu device(s) of this machine, got 2."
    assert message in _one_line(done.stderr)
    assert not list(tmp_path.iterdir())
