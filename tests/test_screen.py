"""Screens that fail: a full disk, a pipe that nobody reads, a closed stream, none, an encoding without arrows."""

import ast
import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from jaxvae import screen

ROOT = Path(__file__).parents[1]


def full_disk():
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    return open("/dev/full", "w")


def broken_pipe():
    reader, writer = os.pipe()
    os.close(reader)
    return open(writer, "w")


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


def ascii_only():
    return io.TextIOWrapper(io.BytesIO(), "ascii")


FAILING = {
    "full": full_disk,
    "pipe": broken_pipe,
    "closed": closed,
    "none": lambda: None,
    "ascii": ascii_only,
}


@pytest.fixture(params=FAILING.values(), ids=FAILING)
def failing(request):
    stream = request.param()
    yield stream
    if stream is not None:
        screen.Stream(stream).settle()
        stream.close()


def test_bars_and_lines_go_on(failing):
    with redirect_stdout(failing), redirect_stderr(failing):
        with screen.Bar(total=3, desc="1 → 2", mininterval=0) as bar:
            for _ in range(3):
                bar.update()
                screen.say("1 ± 2 → 3")
                bar.set_postfix_str("█")
        assert list(screen.Bar([1, 2])) == [1, 2]
    assert bar.n == 3


def test_what_is_printed_goes_on_and_leaves_nothing_to_flush(failing):
    with redirect_stdout(failing), redirect_stderr(failing):
        with screen.guarded() as (out, _):
            print("1 ± 2 → 3" * 5000)
            print("and on", file=sys.stderr, flush=True)
            assert sys.stdout is out
        assert sys.stdout is failing
    if failing is not None and not failing.closed:
        failing.flush()
    assert (out.error is None) == (failing is not None and failing.encoding == "ascii")


def test_characters_that_the_screen_lacks_become_question_marks():
    stream = ascii_only()
    screen.Stream(stream).write("FID ↓ 3 ± 1\n")
    stream.flush()
    assert stream.buffer.getvalue() == b"FID ? 3 ? 1\n"


def test_a_screen_that_works_gets_everything(capsys):
    with screen.guarded() as (out, err):
        with screen.Bar(total=2, leave=False) as bar:
            bar.update(2)
            screen.say("1 ± 2")
        print("→", file=sys.stderr)
    said, progress = capsys.readouterr()
    assert said == "1 ± 2\n"
    assert "2/2" in progress
    assert progress.endswith("→\n")
    assert (out.error, err.error) == (None, None)


def test_a_closed_descriptor_is_taken(monkeypatch):
    """Otherwise the next file that is opened gets it, and what C++ code says on stderr goes there."""
    fstat, opened = os.fstat, []

    def none_of_stderr(number):
        if number == 2:
            raise OSError
        return fstat(number)

    monkeypatch.setattr(os, "fstat", none_of_stderr)
    monkeypatch.setattr(os, "open", lambda path, flags: opened.append(path))
    with screen.guarded():
        pass
    assert opened == [os.devnull]


def test_nothing_else_writes_to_the_screen():
    """What calls tqdm or print itself would end where the screen fails; commands do so within `guarded`."""
    found = set()
    for folder in ("jaxvae", "experiments"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Name) and node.id in ("print", "tqdm"):
                    found.add(path.relative_to(ROOT).as_posix())
    commands = ("jaxvae/__main__.py", "jaxvae/cli/", "jaxvae/commands/")
    assert {path for path in found if not path.startswith(commands)} == {"jaxvae/screen.py"}
