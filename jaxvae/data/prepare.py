"""Has TFDS prepare a data set where that can succeed; otherwise an error says at once what to do."""

import contextlib
import importlib.util
from importlib import resources
from typing import Any

from jaxvae.data.archives import places, registered, ways_out
from jaxvae.data.bundled import mnist_folder
from jaxvae.data.celeba import missing_files
from jaxvae.data.dataset import DataError
from jaxvae.data.download import reachable

_PROBLEM = "cannot be prepared now"
_NEEDED = ("tensorflow", "importlib_resources")


def prepare(builder: Any) -> None:
    """Prepares MNIST or CelebA as array_record, with TensorFlow and the official archives.

    TFDS verifies the archives' checksums. It takes MNIST's from the files that ship with jaxvae, and CelebA's from
    `downloads/manual` in its folder, or downloads them.

    Args:
        builder: the `tfds.core.DatasetBuilder` of a set that is not yet prepared.

    Raises:
        DataError: TensorFlow is not installed, the archives cannot be reached, or TFDS fails.
    """
    import tensorflow_datasets as tfds

    if any(importlib.util.find_spec(module) is None for module in _NEEDED):
        way = f"pip install {' '.join(_NEEDED)}, with which TFDS prepares it on the next run"
        raise DataError(ways_out(builder, _PROBLEM, *_by_hand(builder), way))
    with contextlib.ExitStack() as stack:
        manual_dir = places(builder)[1]
        if builder.name == "mnist":
            manual_dir = stack.enter_context(resources.as_file(mnist_folder()))
        absent = [archive for archive in registered(builder) if not (manual_dir / archive.filename).is_file()]
        # Without a network TFDS itself fails only after minutes of retries.
        if absent and not reachable(absent[0].url):
            names = ", ".join(archive.filename for archive in absent)
            ways = _by_hand(builder) or [f"put {names} into {manual_dir}"]
            raise DataError(ways_out(builder, _PROBLEM, ", or ".join([*ways, "connect to the network"])))
        config = tfds.download.DownloadConfig(manual_dir=manual_dir, try_download_gcs=False)
        try:
            builder.download_and_prepare(file_format="array_record", download_config=config)
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            message = f"TFDS could not prepare {builder.name}: {reason}"
            by_hand = ", or ".join(_by_hand(builder))
            raise DataError(f"{message}; {by_hand}." if by_hand else message) from error


def _by_hand(builder: Any) -> list[str]:
    """What can be put where; the first way is about official files."""
    if builder.name != "celeb_a":
        return []
    folder = places(builder)[0]
    return [
        f"put {', '.join(missing_files(builder))} into {folder} (their host, Google Drive, refuses a file for up to a "
        "day once too many people have downloaded it; a browser with an account may still get it)",
        "put CelebA as mirrors have it, list_attr_celeba.csv, list_eval_partition.csv and the folder img_align_celeba, "
        f"into {folder}",
    ]
