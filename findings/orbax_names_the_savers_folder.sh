#!/usr/bin/env bash
# A checkpoint of orbax-checkpoint 0.12.8 holds the absolute path of the folder that it was saved in.
#
# Beside the arrays, `CheckpointManager.save` leaves files `commit_success.txt`, in the step and in its item, whose one
# sentence names the whole path, also on a local disk, where a rename is the commit. A checkpoint that is handed on tells
# the saver's folders, and two checkpoints of equal arrays differ in their bytes. Seen with JAX 0.10.2 on Python 3.11:
#
#     Checkpoint commit was successful to FOLDER/run/1
#     Checkpoint commit was successful to FOLDER/run/1.orbax-checkpoint-tmp/default
#
# Fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet orbax-checkpoint==0.12.8 jax==0.10.2 jaxlib==0.10.2
cd "$folder"
JAX_PLATFORMS=cpu venv/bin/python - <<'PYTHON' 2>/dev/null
from pathlib import Path

import numpy as np
import orbax.checkpoint as ocp

with ocp.CheckpointManager(Path("run").absolute()) as manager:
    manager.save(1, args=ocp.args.StandardSave({"weight": np.zeros(3)}))
PYTHON
found=$(cd run && grep -rhoE "Checkpoint commit was successful to .*" --include=commit_success.txt . | sed "s|$folder|FOLDER|" | sort)
expected="Checkpoint commit was successful to FOLDER/run/1
Checkpoint commit was successful to FOLDER/run/1.orbax-checkpoint-tmp/default"
echo "$found"
[ "$found" = "$expected" ]
