"""Who joins several processes: flags, variables, and launchers whose variables say that there are several."""

import signal
from pathlib import Path

import jax
import pytest

from jaxvae import cli
from jaxvae.cli import distributed
from jaxvae.signals import STOPPING
from jaxvae.types import RunStopped

ADDRESS = {"coordinator_address": "host:1234", "num_processes": 3, "process_id": 1}


@pytest.fixture
def asked(monkeypatch):
    """What `jax.distributed.initialize` is asked for, by flags; None if it is not called. Nothing is started."""
    for name in ("SLURM_STEP_NUM_TASKS", "OMPI_COMM_WORLD_SIZE", "TPU_WORKER_HOSTNAMES", "TPU_ML_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    calls = []
    monkeypatch.setattr(jax.distributed, "initialize", lambda **given: calls.append(given))
    monkeypatch.setattr(distributed, "_watch", lambda config: None)

    def asked(**flags):
        with distributed.joined(cli.RunConfig(workdir=Path("run"), **flags)):
            pass
        return {name: value for name, value in calls[0].items() if "timeout" not in name} if calls else None

    return asked


def test_a_process_without_flags_and_launcher_is_alone(asked):
    assert asked() is None


def test_flags_join(asked):
    assert asked(coordinator="host:1234", processes=3, process=1) == ADDRESS


def test_variables_join(asked, monkeypatch):
    monkeypatch.setenv("JAX_COORDINATOR_ADDRESS", "host:1234")
    monkeypatch.setenv("JAX_NUM_PROCESSES", "3")
    assert asked() is None
    monkeypatch.setenv("JAX_PROCESS_ID", "1")
    assert asked() == ADDRESS


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"JAX_NUM_PROCESSES": "two"}, "JAX_NUM_PROCESSES must be a number from 0, got 'two'"),
        ({"JAX_PROCESS_ID": ""}, "JAX_PROCESS_ID must be a number from 0, got ''"),
        ({"JAX_PROCESS_ID": "3"}, "process must be from 0 to 2, as there are 3, got 3"),
        ({"JAX_COORDINATOR_ADDRESS": "host"}, "coordinator must be HOST:PORT, .* got host"),
    ],
)
def test_variables_that_name_no_process_are_refused(asked, monkeypatch, changed, sentence):
    named = {"JAX_COORDINATOR_ADDRESS": "host:1234", "JAX_NUM_PROCESSES": "3", "JAX_PROCESS_ID": "1"}
    for name, value in (named | changed).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=sentence):
        asked()


@pytest.mark.parametrize("address", ["http://host:1234", "a host:1234", "::1:1234", "host:0", "host:١٢"])
def test_addresses_that_nobody_can_listen_at_are_refused(address):
    with pytest.raises(ValueError, match="coordinator must be HOST:PORT"):
        cli.RunConfig(workdir=Path("run"), coordinator=address, processes=2, process=0)


def test_addresses_may_be_of_ipv6(asked):
    assert asked(coordinator="[::1]:1234", processes=2, process=0)["coordinator_address"] == "[::1]:1234"


@pytest.mark.parametrize(
    ("variables", "joins"),
    [
        ({"SLURM_STEP_NUM_TASKS": "2"}, True),
        ({"SLURM_STEP_NUM_TASKS": "1"}, False),
        ({"OMPI_COMM_WORLD_SIZE": "4"}, True),
        ({"TPU_WORKER_HOSTNAMES": "t-0,t-1"}, True),
        ({"TPU_WORKER_HOSTNAMES": "localhost"}, False),
        ({"TPU_ML_PLATFORM": "JAX"}, True),
        ({"TPU_ML_PLATFORM": "JAX", "COLAB_RELEASE_TAG": "release"}, False),
        ({"TPU_ML_PLATFORM": "JAX", "TPU_SKIP_MDS_QUERY": "1"}, False),
    ],
)
def test_launchers_that_have_started_several_join(asked, monkeypatch, variables, joins):
    monkeypatch.delenv("TPU_SKIP_MDS_QUERY", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert asked() == ({} if joins else None)


def test_signals_end_a_process_that_waits_for_the_others(asked, monkeypatch):
    """At once, since Python would hear them only afterwards, and as before from then on."""
    before = [signal.getsignal(kind) for kind in STOPPING]
    while_waiting = []
    monkeypatch.setattr(
        jax.distributed,
        "initialize",
        lambda **given: while_waiting.extend(signal.getsignal(kind) for kind in STOPPING),
    )
    asked(coordinator="host:1234", processes=3, process=1)
    assert while_waiting == [
        signal.SIG_IGN if handler == signal.SIG_IGN and kind != signal.SIGINT else signal.SIG_DFL
        for kind, handler in zip(STOPPING, before, strict=True)
    ]
    assert [signal.getsignal(kind) for kind in STOPPING] == before


def test_processes_that_do_not_find_each_other_say_so(asked, monkeypatch):
    def fail(**given):
        raise RuntimeError("DEADLINE_EXCEEDED: nobody there\nmore")

    monkeypatch.setattr(jax.distributed, "initialize", fail)
    with pytest.raises(
        RunStopped, match=r"did not find each other at host:1234: DEADLINE_EXCEEDED: nobody there$"
    ):
        asked(coordinator="host:1234", processes=3, process=1)
