"""Runs that are killed at random moments and resumed, over and over, and what they leave in the end."""

import json
import random
import time
from signal import SIGKILL

import pytest
from small_runs import assert_same_state, contents, finish, run, start

pytestmark = pytest.mark.slow
KILLS = 5
SMOKE = "--preset smoke --no-fid"
HYBRID = (
    "--limit 80 --image-size 8 --epochs 4 --classifier-epochs 2 --samples 12 --widths 4 --hidden 8 "
    "--batch-size 20 --variants"
)
CHAINS = {
    "vlae_mnist": (
        "vlae_mnist",
        "--preset smoke --limit 480 --epochs 4 --hidden 16 --widths 4 4 --latent-sizes 2 2",
    ),
    "vae_losses_mnist": ("vae_losses_mnist", f"{SMOKE} --limit 256 --batch-size 32 --epochs 3"),
    "conv_vae_mnist": (
        "conv_vae_mnist",
        f"{SMOKE} --limit 240 --batch-size 40 --epochs 3 --samples 40 --chapter subspace",
    ),
    "winged_horses": (
        "winged_horses",
        f"{SMOKE} --limit 64 --epochs 4 --widths 8 8 --latent-size 6 --pairs 2 --variants 'SSIM + colour'",
    ),
    "aae": ("vae_gan_hybrids", f"aae --preset smoke {HYBRID} 'AAE, ring' --unlabelled 0.5"),
    "vaegan": (
        "vae_gan_hybrids",
        f"vaegan {SMOKE} {HYBRID} VAE VAE-GAN --discriminator-widths 4 --feature-layer 1 --latent-size 3",
    ),
}
"""Name of the experiment's module and arguments of a small run of it."""


def go_on(experiment, arguments, workdir):
    """Starts the run, or resumes it where it has begun."""
    resume = " --resume" if (workdir / "config.json").exists() else ""
    return start(f"{arguments} --workdir {workdir}{resume}", experiment=experiment)


def kill_after(process, seconds):
    """Whether the process was still there to be killed."""
    until = time.monotonic() + seconds
    done = finish(process, signal=SIGKILL, when=lambda: time.monotonic() > until)
    assert done.returncode in (0, -SIGKILL), done.stderr
    return done.returncode == -SIGKILL


def left(workdir):
    """What a run leaves, without the time that it took, the command line, and what only TensorBoard reads."""
    files = {
        name: content
        for name, content in contents(workdir).items()
        if name.endswith((".jsonl", ".png", "diverged.json"))
    }
    results = json.loads((workdir / "results.json").read_text())
    return files | {"results": (results["rows"], results.get("summary"))}


@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_of_kills_ends_as_an_undisturbed_run(name, tmp_path, capsys):
    experiment, arguments = CHAINS[name]
    whole, chain = tmp_path / "whole", tmp_path / "chain"
    run(f"{arguments} --workdir {tmp_path / 'warm'}", experiment=experiment)  # fills the cache of programs
    begun = time.monotonic()
    done = run(f"{arguments} --workdir {whole}", experiment=experiment)
    seconds = time.monotonic() - begun
    assert done.returncode == 0, done.stderr
    moments, random_numbers = [], random.Random(name)
    while len(moments) < KILLS:
        moment = random_numbers.uniform(0, seconds)
        if kill_after(go_on(experiment, arguments, chain), moment):
            moments.append(f"{moment:.1f}")
    done = finish(go_on(experiment, arguments, chain))
    assert done.returncode == 0, done.stderr
    states = sorted(path.parent.relative_to(whole) for path in whole.rglob("checkpoints"))
    assert states
    for each in states:
        assert_same_state(whole / each, chain / each)
    assert left(chain) == left(whole)
    with capsys.disabled():
        print(f"\n{name}: {len(moments)} kills after {', '.join(moments)} of {seconds:.1f} s; ", end="")
        print(f"{len(states)} states and {len(left(whole))} files equal")
