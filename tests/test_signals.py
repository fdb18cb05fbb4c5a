"""Signals as a process gets them: once, twice in a moment, later again, ignored, and off the main thread."""

import os
import signal
import threading

import pytest

from jaxvae import signals
from jaxvae.signals import STOPPING, heard


def send(number):
    os.kill(os.getpid(), number)


def ignore_first(number):
    pass


@pytest.fixture(autouse=True)
def _default_handlers():
    before = {kind: signal.signal(kind, signal.default_int_handler) for kind in STOPPING}
    yield
    for kind, handler in before.items():
        signal.signal(kind, handler)


@pytest.mark.parametrize("kind", STOPPING)
def test_the_first_is_heard_and_again_within_a_moment_is_the_same(kind):
    first = []
    with heard(first.append, then_die=False) as caught:
        assert caught == []
        send(kind)
        send(kind)
        send(signal.SIGTERM)
    assert (first, caught) == ([kind], [kind])
    assert {signal.getsignal(each) for each in STOPPING} == {signal.default_int_handler}


def test_a_later_one_acts_as_before(monkeypatch):
    monkeypatch.setattr(signals, "MOMENT", 0.0)
    with heard(ignore_first, then_die=False):
        send(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGINT)


def test_a_later_one_ends_the_process_where_that_is_wanted(monkeypatch):
    monkeypatch.setattr(signals, "MOMENT", 0.0)
    raised = []
    monkeypatch.setattr(signal, "raise_signal", lambda n: raised.append((n, signal.getsignal(n))))
    with heard(ignore_first, then_die=True):
        send(signal.SIGTERM)
        send(signal.SIGTERM)
    assert raised == [(signal.SIGTERM, signal.SIG_DFL)]


def test_the_limit_of_cpu_time_that_the_system_repeats_is_heard_once(monkeypatch):
    monkeypatch.setattr(signals, "MOMENT", 0.0)
    with heard(ignore_first, then_die=True) as caught:
        send(signal.SIGXCPU)
        send(signal.SIGXCPU)
    assert caught == [signal.SIGXCPU]


def test_a_signal_that_is_ignored_stays_so_but_for_ctrl_c():
    """A script's shell has its commands in the background ignore SIGINT, and `kill -INT` is meant all the same."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with heard(ignore_first, then_die=True) as caught:
        send(signal.SIGHUP)
        assert caught == []
        send(signal.SIGINT)
        assert caught == [signal.SIGINT]
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    signals.die_at_once()
    expected = [signal.SIG_IGN if kind == signal.SIGHUP else signal.SIG_DFL for kind in STOPPING]
    assert [signal.getsignal(kind) for kind in STOPPING] == expected


def test_off_the_main_thread_nothing_changes():
    seen = []

    def work():
        with heard(ignore_first, then_die=True) as caught:
            seen.append((caught, signal.getsignal(signal.SIGINT)))
            signals.die_at_once()
        seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [([], signal.default_int_handler), signal.default_int_handler]
