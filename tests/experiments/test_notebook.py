"""The notebook for Colab and Kaggle, executed cell by cell in a kernel as its reader does."""

import ast
import asyncio
import os
import re
import signal
import threading
import time

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from small_runs import PATIENCE, ROOT, SMALL, assert_same_state, steps

NOTEBOOK = ROOT / "experiments" / "colab.ipynb"


def read():
    return nbformat.read(NOTEBOOK, as_version=nbformat.NO_CONVERT)


def sources():
    return {cell.id: cell.source for cell in read().cells}


def with_settings(**settings):
    """The notebook, with other values in the first lines of its first cell of code."""
    notebook = read()
    (cell,) = [cell for cell in notebook.cells if cell.id == "settings"]
    for name, value in settings.items():
        cell.source, count = re.subn(
            rf'^{name} = "[^"]*"', f"{name} = {value!r}", cell.source, flags=re.MULTILINE
        )
        assert count == 1, name
    return notebook


def streams(cell):
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def errors(notebook):
    """Those that %run shows too, which stop no notebook."""
    return [o for cell in notebook.cells for o in cell.get("outputs", ()) if o.output_type == "error"]


def when(condition, act):
    """Acts as soon as a condition holds, in a thread."""

    def wait():
        until = time.monotonic() + PATIENCE
        while not condition() and time.monotonic() < until:
            time.sleep(0.002)
        act()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """Makes clients for the notebook, whose kernels start in an empty folder and leave nothing elsewhere."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("XLA_FLAGS", f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=1")
    folder = tmp_path / "content"
    folder.mkdir()

    def client(notebook):
        path = {"metadata": {"path": str(folder)}}
        return NotebookClient(notebook, timeout=PATIENCE, kernel_name="python3", resources=path)

    return client


def test_it_is_committed_clean():
    notebook = read()
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert all(
        not cell.outputs and cell.execution_count is None for cell in notebook.cells if "outputs" in cell
    )
    assert "widgets" not in notebook.metadata


def test_two_cells_lead_to_the_first_step():
    code = [cell.id for cell in read().cells if cell.cell_type == "code"]
    assert code[:2] == ["settings", "train"]


def test_nothing_is_imported_before_it_is_installed():
    before = sources()["settings"].split("pip install")[0]
    imported = re.findall(r"^ *(?:import|from) ([\w.]+)", before, re.MULTILINE)
    assert {name for name in imported if name.split(".")[0] not in ("sys", "importlib", "pathlib")} == {
        "google.colab"
    }


def test_names_that_it_takes_from_the_benchmarks_exist():
    """PyTorch, without which it takes none, is not among what tests install."""
    taken = [
        (node.module, alias.name)
        for node in ast.walk(ast.parse(sources()["torch"]))
        if isinstance(node, ast.ImportFrom) and node.module.startswith("benchmarks")
        for alias in node.names
    ]
    assert len(taken) == 5
    for module, name in taken:
        path = ROOT.joinpath(*module.split("."))
        if path.is_dir():
            assert (path / f"{name}.py").exists(), name
        else:
            defined = ast.parse(path.with_suffix(".py").read_text()).body
            names = {getattr(node, "name", None) for node in defined}
            names |= {
                target.id for node in defined if isinstance(node, ast.Assign) for target in node.targets
            }
            assert name in names, (module, name)


def test_it_survives_a_stop_and_a_lost_session(kernel, tmp_path, finished):
    uninterrupted, _ = finished
    small = SMALL.removeprefix("--preset smoke ")
    runs = tmp_path / "drive"
    workdir = runs / "vlae_mnist_smoke"
    notebook = with_settings(SOURCE=str(ROOT), RUNS=str(runs), PRESET="smoke", FLAGS=small)
    first, second = [(i, cell) for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"][:2]
    client = kernel(notebook)
    with client.setup_kernel():
        client.execute_cell(first[1], first[0])
        assert "1 x cpu, JAX " in streams(first[1])
        recorded = workdir / "metrics.jsonl"
        stop = when(
            lambda: recorded.exists() and recorded.stat().st_size,
            lambda: asyncio.run(client.km._async_interrupt_kernel()),
        )
        client.execute_cell(second[1], second[0])
        stop.join()
        assert "error: stopped by SIGINT; the state is saved. Continue with: " in streams(second[1])
        (reached,) = steps(workdir)
        lose = when(
            lambda: len(steps(workdir)) > 1, lambda: os.kill(client.km.provisioner.pid, signal.SIGKILL)
        )
        with pytest.raises(DeadKernelError):
            client.execute_cell(second[1], second[0])
        lose.join()
    assert reached < steps(workdir)[-1]
    assert not (workdir / "report.html").exists()

    notebook = with_settings(SOURCE=str(ROOT), RUNS=str(runs), PRESET="smoke", FLAGS=small)
    kernel(notebook).execute()
    assert errors(notebook) == []
    assert_same_state(workdir, uninterrupted)
    cells = {cell.id: cell for cell in notebook.cells}
    assert "| with SSIM |" in streams(cells["train"])
    ((page,), *pictures) = [cells[name].outputs[-1:] for name in ("page", "load", "samples")]
    assert page.data["text/html"].startswith("<iframe srcdoc=")
    assert [picture.data.keys() & {"image/png"} for (picture,) in pictures] == [{"image/png"}] * 2
    assert "with SSIM, seed 0" in streams(cells["load"])
    assert "PyTorch" in streams(cells["torch"])
