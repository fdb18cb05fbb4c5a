"""Commands of `python -m jaxvae`; each is a function of its flags, a dataclass."""

from collections.abc import Callable
from typing import Any

from jaxvae.commands.faces import FacesConfig, faces
from jaxvae.commands.fid import FidConfig, fid
from jaxvae.commands.sample import SampleConfig, sample

COMMANDS: dict[str, tuple[Callable[[Any], None], Any]] = {
    "draw": (faces, FacesConfig),
    "fid": (fid, FidConfig),
    "sample": (sample, SampleConfig),
}
"""Function and flags of each command."""

__all__ = ["COMMANDS", "FacesConfig", "FidConfig", "SampleConfig", "faces", "fid", "sample"]
