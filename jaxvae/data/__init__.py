"""Data: named image sets, checked on reading (`load`), and batches of them.

`Resident` serves training from the device's memory and `Streamed` from the host's; `serve` chooses between them, and
`batches` splits a set once for evaluation. Images are uint8 [n, height, width, channels] until a batch is gathered,
float32 in [0, 1] afterwards.
"""

from jaxvae.data.classes import select_classes
from jaxvae.data.conditions import (
    check_attributes,
    hide_labels,
    hold_out_combinations,
    new_combinations,
    select_attributes,
)
from jaxvae.data.dataset import Attributes, DataError, Dataset, Spec, from_arrays, select
from jaxvae.data.flip import flip_horizontally
from jaxvae.data.folder import read_folder
from jaxvae.data.fractions import balanced_fraction
from jaxvae.data.held_out import hold_out
from jaxvae.data.noise import add_noise
from jaxvae.data.pictures import read_pictures
from jaxvae.data.pipeline import REMAINDERS, Arrays, Resident, Source, batches
from jaxvae.data.shift import shift
from jaxvae.data.sources import FOLDER, NAMES, SOURCES, SPLITS, load, load_splits, training_split
from jaxvae.data.stream import Streamed, serve

__all__ = [
    "FOLDER",
    "NAMES",
    "REMAINDERS",
    "SOURCES",
    "SPLITS",
    "Arrays",
    "Attributes",
    "DataError",
    "Dataset",
    "Resident",
    "Source",
    "Spec",
    "Streamed",
    "add_noise",
    "balanced_fraction",
    "batches",
    "check_attributes",
    "flip_horizontally",
    "from_arrays",
    "hide_labels",
    "hold_out",
    "hold_out_combinations",
    "load",
    "load_splits",
    "new_combinations",
    "read_folder",
    "read_pictures",
    "select",
    "select_attributes",
    "select_classes",
    "serve",
    "shift",
    "training_split",
]
