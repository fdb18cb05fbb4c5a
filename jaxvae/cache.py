"""Where things are kept that can be made again: compiled programs, converted weights, statistics of data sets."""

import os
from pathlib import Path


def cache_directory() -> Path:
    """The user's cache directory for this library: jaxvae in $XDG_CACHE_HOME, or in ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jaxvae"
