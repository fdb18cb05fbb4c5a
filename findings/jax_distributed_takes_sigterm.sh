#!/usr/bin/env bash
# After `jax.distributed.initialize` Python never hears SIGTERM, while `signal.getsignal` still shows its handler.
#
# JAX's preemption service, which is on by default, puts a handler of its own in the place of Python's, at the level of
# C. So a program that saves its state on SIGTERM goes on as if nothing had come, unless it sets its handler again
# afterwards. One process is enough to see it. With jax 0.10.2:
#
#     getsignal shows the handler: True
#     heard: 0 of 1
#     heard after setting it again: 1 of 1
#
# Fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2
JAX_PLATFORMS=cpu "$folder/venv/bin/python" - <<'PYTHON' | tee "$folder/out"
import os
import signal
import socket
import time

import jax

heard = []


def handler(number, frame):
    heard.append(number)


def send():
    heard.clear()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(1)
    return len(heard)


with socket.socket() as probe:
    probe.bind(("localhost", 0))
    port = probe.getsockname()[1]
signal.signal(signal.SIGTERM, handler)
jax.distributed.initialize(f"localhost:{port}", num_processes=1, process_id=0)
print(f"getsignal shows the handler: {signal.getsignal(signal.SIGTERM) is handler}")
print(f"heard: {send()} of 1")
signal.signal(signal.SIGTERM, handler)
print(f"heard after setting it again: {send()} of 1")
PYTHON
printf 'getsignal shows the handler: True\nheard: 0 of 1\nheard after setting it again: 1 of 1\n' |
  diff - "$folder/out"
