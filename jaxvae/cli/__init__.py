"""Command lines made from frozen dataclasses, and errors shown as one line."""

from jaxvae.cli.checks import Checked
from jaxvae.cli.config import RunConfig
from jaxvae.cli.launch import launch, launch_one, parse
from jaxvae.cli.record import command, environment, flat, record
from jaxvae.cli.study import SamplesConfig, StudyConfig

__all__ = [
    "Checked",
    "RunConfig",
    "SamplesConfig",
    "StudyConfig",
    "command",
    "environment",
    "flat",
    "launch",
    "launch_one",
    "parse",
    "record",
]
