#!/usr/bin/env bash
# A process whose peer is gone gets a ValueError from JAX on CPUs, not a JaxRuntimeError.
#
# Two processes gather a number from each other (Gloo, the default on CPUs) until the second one leaves. What the first
# one gets is a status of XLA's, "UNKNOWN: Gloo AllGather failed", but of the class that otherwise says that an argument
# was wrong. Whoever catches `jax.errors.JaxRuntimeError` around collectives does not see it. With jax 0.10.2:
#
#     ValueError, a JaxRuntimeError: False, UNKNOWN: Gloo AllGather failed
#
# Fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2
cat >"$folder/peer.py" <<'PYTHON'
import os
import sys

import jax
import numpy as np
from jax.experimental import multihost_utils

process, port = int(sys.argv[1]), sys.argv[2]
jax.distributed.initialize(f"localhost:{port}", num_processes=2, process_id=process)
multihost_utils.process_allgather(np.uint32(process))
if process == 1:
    os._exit(0)
try:
    while True:
        multihost_utils.process_allgather(np.uint32(process))
except Exception as error:
    kind = isinstance(error, jax.errors.JaxRuntimeError)
    print(f"{type(error).__name__}, a JaxRuntimeError: {kind}, {str(error).split(':')[0]}: ", end="")
    print(str(error).split(":")[1].strip(), flush=True)
    os._exit(0)
PYTHON
export JAX_PLATFORMS=cpu
port=$("$folder/venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("localhost", 0)); print(s.getsockname()[1])')
"$folder/venv/bin/python" "$folder/peer.py" 1 "$port" >"$folder/log" 2>&1 &
"$folder/venv/bin/python" "$folder/peer.py" 0 "$port" 2>>"$folder/log" | grep -v '^\[Gloo\]' | tee "$folder/out"
wait
echo 'ValueError, a JaxRuntimeError: False, UNKNOWN: Gloo AllGather failed' | diff - "$folder/out"
