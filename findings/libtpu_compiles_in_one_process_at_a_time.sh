#!/usr/bin/env bash
# libtpu 0.0.42.1 compiles in one process at a time, on a machine that has no TPU (JAX 0.10.2).
#
# Only a description of absent chips is asked for, yet the library takes the lock that keeps two programs off one chip,
# and holds it as long as the process lives: a second process, of tests that run in parallel or beside a notebook, is
# told to delete a file as root. What helps is not that but ALLOW_MULTIPLE_LIBTPU_LOAD. Seen on Python 3.11:
#
#     first: 4 devices
#     second, meanwhile: ABORTED: Internal error when accessing libtpu multi-process lockfile.
#     second, ALLOW_MULTIPLE_LIBTPU_LOAD=1: 4 devices
#
# Fails if that changes. No other process may use libtpu meanwhile.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 jaxlib==0.10.2 libtpu==0.0.42.1
cat >"$folder/devices.py" <<'PYTHON'
import os
import subprocess
import sys

from jax.errors import JaxRuntimeError
from jax.experimental import topologies

try:
    found = topologies.get_topology_desc(platform="tpu", topology_name="v5e:2x2").devices
    print(sys.argv[1], f"{len(found)} devices", sep=": ", flush=True)
except JaxRuntimeError as error:
    print(sys.argv[1], str(error).split(" Run ")[0], sep=": ", flush=True)
if sys.argv[1] == "first":
    for name, more in {
        "second, meanwhile": {},
        "second, ALLOW_MULTIPLE_LIBTPU_LOAD=1": {"ALLOW_MULTIPLE_LIBTPU_LOAD": "1"},
    }.items():
        subprocess.run([sys.executable, __file__, name], env=os.environ | more, check=True)
PYTHON
export JAX_PLATFORMS=cpu TPU_SKIP_MDS_QUERY=1 TPU_ACCELERATOR_TYPE=v5litepod-4 TPU_WORKER_HOSTNAMES=localhost
found=$("$folder/venv/bin/python" "$folder/devices.py" first 2>/dev/null)
expected="first: 4 devices
second, meanwhile: ABORTED: Internal error when accessing libtpu multi-process lockfile.
second, ALLOW_MULTIPLE_LIBTPU_LOAD=1: 4 devices"
echo "$found"
[ "$found" = "$expected" ]
