"""Converts the tensors of a file into the Inception network's parameters, folding normalisation into convolutions."""

import functools
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from flax import serialization
from jaxtyping import Shaped

from jaxvae.evaluate.inception import SIZE, InceptionV3
from jaxvae.evaluate.torch_files import read_tensors
from jaxvae.files import open_regular, write_atomically

_EPSILON = 1e-3
_ROLES = {
    "beta": "shift",
    "bias": "shift",
    "mean": "mean",
    "running_mean": "mean",
    "var": "variance",
    "running_var": "variance",
}
_UNUSED = ("AuxLogits.", "fc.")

Layers: TypeAlias = dict[str, dict[str, np.ndarray]]
"""Kernel (HWIO) and bias of each convolution, by its name in `InceptionV3`."""


def read_layers(path: Path) -> Layers:
    """Reads the network's parameters from a file of any supported format.

    Args:
        path: a file that `write_layers` wrote; or one of PyTorch: the network as TorchScript, or the state dictionary
            of torchvision's Inception v3.

    Returns:
        float32 kernels and biases of all 94 convolutions.

    Raises:
        ValueError: the file is damaged, or does not hold the network's parameters, or some are not finite.
    """
    layers = _read_converted(path) if path.suffix == ".msgpack" else _fold(read_tensors(path), path)
    expected = _shapes()
    shapes = {name: {part: array.shape for part, array in layer.items()} for name, layer in layers.items()}
    wrong = [name for name in expected if shapes.get(name) != expected[name]]
    if wrong or len(shapes) != len(expected):
        raise ValueError(
            f"{path} must hold the {len(expected)} convolutions of Inception v3; it holds {len(shapes)}"
            + (
                f", and {wrong[0]} is {shapes.get(wrong[0], 'missing')}, not {expected[wrong[0]]}."
                if wrong
                else "."
            )
        )
    for name, layer in layers.items():
        for part, array in layer.items():
            if array.dtype != np.float32 or not np.isfinite(array).all():
                raise ValueError(f"{path} must hold finite float32 numbers; {part} of {name} has others.")
    return layers


def write_layers(path: Path, layers: Layers) -> None:
    """Writes parameters in the format of `read_layers`; no partial file is left.

    Args:
        path: of the file, ending in .msgpack.
        layers: the parameters, as `read_layers` returns them.
    """
    write_atomically(path, serialization.msgpack_serialize(layers))


def digest(layers: Layers) -> str:
    """A digest that identifies weights, independent of the file format.

    Args:
        layers: parameters of the network.

    Returns:
        Hexadecimal SHA-256 of kernels and biases in the order of the graph.
    """
    total = hashlib.sha256()
    for name in sorted(layers):
        for part in ("kernel", "bias"):
            total.update(np.ascontiguousarray(layers[name][part], "<f4").tobytes())
    return total.hexdigest()


@functools.cache
def _shapes() -> Mapping[str, Mapping[str, tuple[int, ...]]]:
    images = jax.ShapeDtypeStruct((1, SIZE, SIZE, 3), jnp.float32)
    variables: Any = jax.eval_shape(InceptionV3().init, jax.random.key(0), images)
    return {name: {k: v.shape for k, v in layer.items()} for name, layer in variables["params"].items()}


def _read_converted(path: Path) -> Layers:
    try:
        with open_regular(path) as file:
            tree = serialization.msgpack_restore(file.read())
        return {
            name: {part: np.asarray(value) for part, value in layer.items()} for name, layer in tree.items()
        }
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}.") from None
    except Exception as error:  # msgpack and Flax have no common exception for damaged files
        raise ValueError(f"{path} is damaged ({type(error).__name__}); delete it.") from None


def _fold(tensors: Iterable[tuple[str, Shaped[np.ndarray, "..."]]], path: Path) -> Layers:
    """Groups tensors by convolution, in the order of the file, which in all supported files is that of the graph."""
    groups: list[dict[str, np.ndarray]] = []
    for name, tensor in tensors:
        if name.startswith(_UNUSED) or tensor.dtype != np.float32:
            continue
        last = name.rsplit(".", 1)[-1]
        if tensor.ndim == 4:
            groups.append({"weight": tensor})
        elif groups and tensor.ndim == 1 and (last in _ROLES or last == "weight"):
            groups[-1][_ROLES.get(last, "gain")] = tensor
    layers = {}
    for number, group in enumerate(groups):
        parts = [group[key].astype(np.float64) for key in ("shift", "mean", "variance") if key in group]
        size = len(group["weight"])
        if len(parts) != 3 or any(len(part) != size for part in (*parts, group.get("gain", parts[0]))):
            raise ValueError(
                f"{path} must hold normalisation for each convolution; number {number} has none that fits."
            )
        shift, mean, variance = parts
        with np.errstate(all="ignore"):  # what is not finite is refused afterwards
            gain = group.get("gain", np.ones(size)).astype(np.float64) / np.sqrt(variance + _EPSILON)
            kernel = group["weight"].transpose(2, 3, 1, 0).astype(np.float64) * gain
            layers[f"conv_{number:02d}"] = {
                "kernel": kernel.astype(np.float32),
                "bias": (shift - mean * gain).astype(np.float32),
            }
    return layers
