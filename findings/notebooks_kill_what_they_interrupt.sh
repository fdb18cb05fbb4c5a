#!/usr/bin/env bash
# A notebook's Stop button gives a program that was started by `!` a fifth of a second, and then kills it.
#
# "Interrupt" reaches the program as Ctrl-C, but IPython 9.18.1 (ipykernel 7.4.0) waits 0.2 s for it to end, and then
# sends SIGHUP and SIGKILL. A training that takes a second to save its state loses it, without a word, although it saves
# it on Ctrl-C in a terminal. Under `%run`, in the kernel's own process, it has all the time it needs. Colab has its own
# `!` (google/colab/_system_commands.py), which kills at the second interrupt only. Seen on Python 3.11:
#
#     !python train.py: interrupted
#     %run train.py: interrupted, saved
#
# Fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet ipykernel==7.4.0 ipython==9.18.1 nbclient==0.11.0
cd "$folder"
cat > train.py <<'PYTHON'
import signal
import sys
import time
from pathlib import Path

caught = []
signal.signal(signal.SIGINT, lambda number, frame: caught.append(number))
Path("started").touch()
while not caught:
    time.sleep(0.01)
Path("interrupted").touch()
time.sleep(1)  # writes a checkpoint
Path("saved").touch()
signal.signal(signal.SIGINT, signal.default_int_handler)
PYTHON
found=$(IPYTHONDIR="$folder" JUPYTER_RUNTIME_DIR="$folder" venv/bin/python - <<'PYTHON' 2>/dev/null
import asyncio
import sys
import threading
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient


def run(command):
    for name in ("started", "interrupted", "saved"):
        Path(name).unlink(missing_ok=True)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(command)])
    client = NotebookClient(notebook, kernel_name="python3", allow_errors=True)

    def stop():
        while not Path("started").exists():
            time.sleep(0.01)
        time.sleep(0.2)
        asyncio.run(client.km._async_interrupt_kernel())

    with client.setup_kernel():
        button = threading.Thread(target=stop)
        button.start()
        client.execute_cell(notebook.cells[0], 0)
        button.join()
        time.sleep(2)
    return ", ".join(name for name in ("interrupted", "saved") if Path(name).exists())


print("!python train.py:", run(f"!{sys.executable} train.py"))
print("%run train.py:", run("%run train.py"))
PYTHON
)
echo "$found"
[ "$found" = "!python train.py: interrupted
%run train.py: interrupted, saved" ]
