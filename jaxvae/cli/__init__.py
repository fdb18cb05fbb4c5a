"""Command lines made from frozen dataclasses, and errors shown as one line."""

from jaxvae.cli.checks import Checked
from jaxvae.cli.config import RunConfig
from jaxvae.cli.free import free, free_flags
from jaxvae.cli.launch import launch, launch_one, parse, presets
from jaxvae.cli.outcome import finish
from jaxvae.cli.record import FORMAT, command, environment, flat, record, record_training
from jaxvae.cli.study import SamplesConfig, StudyConfig

__all__ = [
    "FORMAT",
    "Checked",
    "RunConfig",
    "SamplesConfig",
    "StudyConfig",
    "command",
    "environment",
    "finish",
    "flat",
    "free",
    "free_flags",
    "launch",
    "launch_one",
    "parse",
    "presets",
    "record",
    "record_training",
]
