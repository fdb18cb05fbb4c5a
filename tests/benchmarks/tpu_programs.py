"""Compiles one experiment's train program for TPU v5e chips and prints what it found; a process of its own for each.

python -m tests.benchmarks.tpu_programs MODEL default|small|whole|parts|again MODE:CHIPS [MODE:CHIPS ...]
"""

import json
import sys

import jax

from benchmarks import counts, programs, targets, trainings
from experiments.vlae_mnist import ModelConfig
from jaxvae import train

SMALL = {
    "vlae_mnist": {"model": ModelConfig(latent_sizes=(2, 2), widths=(4, 8), hidden=16)},
    "vae_losses_mnist": {"variants": ("N(0, 1)", "perceptual + BCE")},
    "conv_vae_mnist": {"variants": ("base",), "layers": 1},
    "winged_horses": {"variants": ("SSIM + colour",), "widths": (4, 8), "latent_size": 8},
    "aae": {"variants": ("AAE, Gaussian",), "widths": (4, 8), "hidden": (16, 16)},
    "vaegan": {"variants": ("VAE-GAN",), "widths": (4, 8), "discriminator_widths": (4, 8)},
}
"""What differs from the smoke preset, so that compilation takes seconds."""

SIZES = {"small": {"batch_size": 32}, "whole": {"batch_size": 512}}
SIZES |= {"parts": SIZES["whole"] | {"accumulate": 4}, "again": SIZES["whole"] | {"remat": True}}
"""Flags of small programs: with a batch that counts little, and with one that does, at once, in parts and with
activations computed again."""


def main(model, size, *asked):
    target = targets.find("tpu", "v5e:2x2")
    flags = {} if size == "default" else {"preset": "smoke", **SMALL[model], **SIZES[size]}
    for each in asked:
        mode, chips = each.split(":")
        parallel = train.Parallel(mode, int(chips), target.devices)
        job = trainings.find(model, parallel, **flags)
        built = programs.build(job, target)
        program = built.program
        params = jax.eval_shape(job.training.initial, jax.random.key(0))["params"]
        found = {
            "row": programs.row(model, built),
            "types": sorted(counts.types(program)),
            "parameter_bytes": 4 * len(job.replicas) * sum(leaf.size for leaf in jax.tree.leaves(params)),
            "transfers": counts.transfers(program, [*program.step, *program.outside]),
        }
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
