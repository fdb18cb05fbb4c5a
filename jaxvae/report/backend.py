"""Matplotlib imported although the environment names a backend that is not there, as `!python` in a notebook may do.

Figures of this room need no backend. The user's own choice stands where it is one.
"""

import os
import sys
from contextlib import suppress

if "matplotlib" not in sys.modules and (_asked := os.environ.pop("MPLBACKEND", None)):
    import matplotlib

    os.environ["MPLBACKEND"] = _asked
    with suppress(ValueError):
        matplotlib.rcParams["backend"] = _asked
