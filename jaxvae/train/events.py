"""TensorBoard's event files, written record by record.

tensorboardX's writer hands events to a thread, which loses them when the process is killed, and names a file by the
second in which it is opened, so that a second writer in that second overwrites the first one's.
"""

import socket
import struct
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.summary_pb2 import Summary
from tensorboardX.record_writer import masked_crc32c

from jaxvae.files import append, write_atomically
from jaxvae.records import Record

_NAMED = "variant", "seed", "epoch", "step", "split"


class EventFile:
    """The events of one replica: those that a directory holds already are replaced by these records.

    Args:
        directory: for this replica alone.
        records: lines of metrics.jsonl to begin with.
    """

    def __init__(self, directory: Path, records: Iterable[Record]) -> None:
        name = f"events.out.tfevents.{int(time.time())}.{socket.gethostname()}"
        head = [
            Event(wall_time=time.time(), file_version="brain.Event:2"),
            Event(wall_time=time.time(), session_log=SessionLog(status=SessionLog.START)),
        ]
        content = b"".join(map(_framed, [*head, *map(_event, records)]))
        self._path = write_atomically(directory / name, content)
        for file in directory.iterdir():
            if "tfevents" in file.name and file.name != name:
                file.unlink()

    def write(self, record: Mapping[str, Any]) -> None:
        """Adds the numbers of a record.

        Args:
            record: a line of metrics.jsonl.

        Raises:
            OSError: the file cannot be written.
        """
        append(self._path, _framed(_event(record)))


def _event(record: Mapping[str, Any]) -> Event:
    values = {name: value for name, value in record.items() if name not in _NAMED and value is not None}
    summary = Summary(
        value=[
            Summary.Value(tag=f"{record['split']}/{name}", simple_value=value)
            for name, value in values.items()
        ]
    )
    return Event(wall_time=time.time(), step=record["step"], summary=summary)


def _framed(event: Event) -> bytes:
    """An event as a record of TFRecord: its length and its content, each with its checksum."""
    content = event.SerializeToString()
    length = struct.pack("<Q", len(content))
    checksums = [struct.pack("<I", masked_crc32c(part)) for part in (length, content)]
    return length + checksums[0] + content + checksums[1]
