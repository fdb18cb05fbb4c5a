"""Has TFDS prepare a data set where that can succeed; otherwise an error says at once what to do."""

import contextlib
import http.client
import importlib.util
import threading
import urllib.request
from importlib import resources
from pathlib import Path
from typing import Any

from jaxvae.data.bundled import mnist_folder
from jaxvae.data.dataset import DataError

_PROBE_SECONDS = 3.0
_NEEDED = ("tensorflow", "importlib_resources")


def prepare(builder: Any) -> None:
    """Prepares a data set as array_record, with TensorFlow and the official archives.

    TFDS verifies the archives' checksums. It takes them from `downloads/manual` in its folder (for MNIST from the files
    that ship with jaxvae) or downloads them.

    Args:
        builder: the `tfds.core.DatasetBuilder` of a set that is not yet prepared.

    Raises:
        DataError: TensorFlow is not installed, the archives cannot be reached, or TFDS fails.
    """
    import tensorflow_datasets as tfds

    if builder.data_path.exists():
        raise DataError(f"{builder.data_path} holds unfinished data of TFDS; delete it and run again.")
    if any(importlib.util.find_spec(module) is None for module in _NEEDED):
        way = f"pip install {' '.join(_NEEDED)}, with which TFDS prepares it on the next run"
        if builder.name != "mnist":
            way += f" (without network, from the official archives put into {_manual_dir(builder)})"
        raise DataError(_ways_out(builder, way))
    with contextlib.ExitStack() as stack:
        if builder.name == "mnist":
            manual_dir = stack.enter_context(resources.as_file(mnist_folder()))
        else:
            manual_dir = _manual_dir(builder)
        archives = {info.filename: url for url, info in builder.url_infos.items()}
        absent = [name for name in archives if not (manual_dir / name).is_file()]
        # Without a network TFDS itself fails only after minutes of retries.
        if absent and not _reachable(archives[absent[0]]):
            way = f"put {', '.join(absent)} into {_manual_dir(builder)}, or connect to the network"
            raise DataError(_ways_out(builder, way))
        config = tfds.download.DownloadConfig(manual_dir=manual_dir, try_download_gcs=False)
        try:
            builder.download_and_prepare(file_format="array_record", download_config=config)
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise DataError(f"TFDS could not prepare {builder.name}: {reason}") from error


def _ways_out(builder: Any, way: str) -> str:
    ways = [way, "point data_dir (--data-dir) at a folder where TFDS has prepared it as array_record"]
    if builder.name == "mnist":
        ways.append("use source 'bundled', the files that ship with jaxvae")
    else:
        ways.append("use pictures of your own (--data folder:PATH)")
    return (
        f"{builder.name} is not prepared in {builder.data_dir_root}{_others(builder)} and cannot be prepared now; "
        f"{'; or '.join(ways)}."
    )


def _others(builder: Any) -> str:
    root = Path(builder.data_dir_root).expanduser()
    names = sorted({info.parents[1].name for info in root.glob("*/*/dataset_info.json")})
    return f" (where {', '.join(names)} is)" if names else ""


def _manual_dir(builder: Any) -> Path:
    return Path(builder.data_dir_root).expanduser() / "downloads" / "manual"


def _reachable(url: str) -> bool:
    answered = threading.Event()

    def ask() -> None:
        request = urllib.request.Request(url, method="HEAD")
        with contextlib.suppress(OSError, http.client.HTTPException):
            urllib.request.urlopen(request, timeout=_PROBE_SECONDS).close()
            answered.set()

    # Name resolution has no timeout of its own; if it hangs it is left behind in a daemon thread.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_PROBE_SECONDS)
    return answered.is_set()
