"""Compiles one experiment's train program for TPU v5e chips and prints what it found; a process of its own for each.

    python -m tests.benchmarks.tpu_programs MODEL PRESET MODE:CHIPS [MODE:CHIPS ...]
"""

import json
import sys

from benchmarks import counts, programs, targets, trainings
from jaxvae import train


def main(model, preset, *asked):
    target = targets.find("tpu", "v5e:2x2")
    for each in asked:
        mode, chips = each.split(":")
        parallel = train.Parallel(mode, int(chips), target.devices)
        built = programs.build(trainings.find(model, parallel, preset=preset), target)
        program = built.program
        found = {
            "row": programs.row(model, built),
            "types": sorted(counts.types(program)),
            "transfers": counts.transfers(program, program.step),
            "step": len(program.step),
            "outside": counts.bytes_accessed(program, program.outside),
        }
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
