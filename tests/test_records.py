import json

import pytest

from jaxvae.records import is_record, read_lines, read_records

HEAD = {"variant": "plain", "seed": 0, "epoch": 1, "step": 50, "split": "train"}
GOOD = json.dumps(HEAD | {"bce": 2.5, "mse": None, "n": 3}).encode()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "metrics.jsonl"


@pytest.mark.parametrize("unfinished", [b'{"epoch": 3, "b', b"\0\0\0\0", b"\xff"], ids=str)
def test_records_are_read_in_order_without_an_unfinished_last_line(path, unfinished):
    other = HEAD | {"step": 100}
    path.write_bytes(GOOD + b"\n" + json.dumps(other).encode() + b"\n" + unfinished)
    assert read_records(path) == [json.loads(GOOD), other]
    path.write_bytes(unfinished)
    assert read_records(path) == []


BROKEN = {
    "half an object": GOOD[:20],
    "a list": b"[1, 2]",
    "nothing": b"",
    "zeros": b"\0" * 20,
    "no UTF-8": GOOD.replace(b"plain", b"pl\xffin"),
    "another object": b'{"epoch": 1}',
    "a step that is no number": GOOD.replace(b"50", b'"50"'),
    "a step that is true": GOOD.replace(b"50", b"true"),
    "a measure that is no number": GOOD.replace(b"2.5", b'"2.5"'),
    "a number without end": GOOD.replace(b"2.5", b"9" * 5000),
    "a number of 70 bits": GOOD.replace(b"2.5", str(2**70).encode()),
    "lists without end": b"[" * 100_000,
}


@pytest.mark.parametrize("line", BROKEN.values(), ids=BROKEN)
def test_a_broken_line_is_named(path, line):
    path.write_bytes(b"\n".join([GOOD, line, GOOD, b""]))
    with pytest.raises(ValueError, match="in line 2; remove that line") as refusal:
        read_records(path)
    assert "\n" not in str(refusal.value)
    records, damaged = read_lines(path, is_record)
    assert records == [json.loads(GOOD)] * 2
    assert list(damaged) == [2]
