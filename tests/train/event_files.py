"""TensorBoard's event files, read as TensorBoard reads them."""

import struct

from tensorboardX.proto.event_pb2 import Event


def _events(directory):
    """Each record is its length, a checksum, the event and another checksum."""
    for file in sorted(directory.iterdir()):
        stream = file.read_bytes()
        while stream:
            (length,) = struct.unpack("<Q", stream[:8])
            yield Event.FromString(stream[12 : 12 + length])
            stream = stream[16 + length :]


def curves(tensorboard):
    """Tag, step and value of all points by replica; a session's start discards those of its step and later ones."""
    shown = {}
    for directory in tensorboard.iterdir():
        points = []
        for event in _events(directory):
            if event.HasField("session_log"):
                points = [point for point in points if point[1] < event.step]
            points += [(value.tag, event.step, value.simple_value) for value in event.summary.value]
        shown[directory.name] = points
    return shown
