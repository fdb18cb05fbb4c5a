"""Data: named image sets checked on reading (`load`), and the batches made of them.

`Resident` serves training from the device's own memory, `batches` goes through a set once for evaluation.
Images are uint8 [n, height, width, channels] until a batch is gathered, float32 in [0, 1] from then on.
"""

from jaxvae.data.dataset import DataError, Dataset, Spec, from_arrays
from jaxvae.data.fractions import balanced_fraction
from jaxvae.data.noise import add_noise
from jaxvae.data.pictures import read_pictures
from jaxvae.data.pipeline import REMAINDERS, Arrays, Resident, batches
from jaxvae.data.sources import NAMES, SOURCES, SPLITS, load, load_splits

__all__ = [
    "NAMES",
    "REMAINDERS",
    "SOURCES",
    "SPLITS",
    "Arrays",
    "DataError",
    "Dataset",
    "Resident",
    "Spec",
    "add_noise",
    "balanced_fraction",
    "batches",
    "from_arrays",
    "load",
    "load_splits",
    "read_pictures",
]
