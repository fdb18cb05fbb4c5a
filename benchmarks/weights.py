"""Matches parameters of a JAX model to those of its PyTorch twin, and converts their layouts."""

from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from operator import getitem
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from benchmarks.deep_twin import DeepTwin
from benchmarks.game_twins import GameTwin
from benchmarks.twin_base import Twin, Up
from benchmarks.twins import PaddedTwin

Convert = Callable[[np.ndarray], np.ndarray]


class Pair(NamedTuple):
    """A parameter of both models.

    Attributes:
        path: its name on the JAX side, "stages_0/Conv_0/kernel".
        parameter: of the twin.
        convert: from JAX's axes to PyTorch's.
    """

    path: str
    parameter: nn.Parameter
    convert: Convert


def pairs(twin: Twin) -> Iterator[Pair]:
    """Goes through all parameters.

    Args:
        twin: the PyTorch model.

    Yields:
        One pair for each of the twin's parameters.
    """
    for name, module in _modules(twin).items():
        for key, parameter in module.named_parameters(recurse=False):
            yield Pair(f"{name}/{_key(module, key)}", parameter, _convert(twin, name, module, key))


def load(twin: Twin, params: Mapping[str, Any]) -> None:
    """Gives a twin the parameters of its original.

    Args:
        twin: changed in place.
        params: the Flax collection.
    """
    with torch.no_grad():
        for path, parameter, convert in pairs(twin):
            parameter.copy_(torch.from_numpy(convert(leaf(params, path)).copy()))


def leaf(params: Mapping[str, Any], path: str) -> np.ndarray:
    """A parameter by its path.

    Args:
        params: the Flax collection.
        path: of a `Pair`.

    Returns:
        The array, in main memory.
    """
    return np.asarray(reduce(getitem, path.split("/"), params))


def _modules(twin: Twin) -> dict[str, nn.Module]:
    """The twin's layers by the names that they have on the JAX side."""
    if isinstance(twin, GameTwin):
        return _game_modules(twin)
    if isinstance(twin, DeepTwin):
        return _deep_modules(twin)
    assert isinstance(twin, PaddedTwin)
    lists: dict[str, list[Any]] = {
        "stages": _all(twin.stages, nn.Conv2d),
        "stage_norms": _all(twin.stages, nn.BatchNorm2d),
        "heads": list(twin.heads),
        "top": _all(twin.top, nn.Linear),
        "top_norms": _all(twin.top, nn.BatchNorm1d),
        "merges": list(twin.merges),
        "unstages": [up.conv for up in _all(twin.unstages, Up)],
        "unstage_norms": _all(twin.unstages, nn.BatchNorm2d),
    }
    named = {f"{name}_{number}": m for name, layers in lists.items() for number, m in enumerate(layers)}
    if not twin.is_ladder:
        named["head"] = named.pop("heads_0")
    norm = next(m for m in twin.expand if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d))
    return named | {"expand": twin.expand[0], "expand_norm": norm, "to_logits": twin.to_logits.conv}


def _deep_modules(twin: DeepTwin) -> dict[str, nn.Module]:
    expand_norm, *unstage_norms = _all(twin.unstages, nn.BatchNorm2d)
    lists: dict[str, list[Any]] = {
        "stages_{}/Conv_0": _all(twin.stages, nn.Conv2d),
        "stages_{}/NormAct_0": _all(twin.stages, nn.BatchNorm2d),
        "unstages_{}/Enlarge_0/ConvTranspose_0": _all(twin.unstages, nn.ConvTranspose2d),
        "unstages_{}/NormAct_0": unstage_norms,
    }
    named = {name.format(number): m for name, layers in lists.items() for number, m in enumerate(layers)}
    return named | {
        "to_mean": twin.to_mean,
        "to_log_variance": twin.to_log_variance,
        "expand": twin.expand[0],
        "expand_norm": expand_norm,
        "to_logits/ConvTranspose_0": twin.to_logits[0],
    }


def _game_modules(twin: GameTwin) -> dict[str, nn.Module]:
    kinds = {
        "Conv": nn.Conv2d,
        "ConvTranspose": nn.ConvTranspose2d,
        "NormAct": nn.BatchNorm2d,
        "Dense": nn.Linear,
    }
    return {
        f"{part}/{kind}_{number}": module
        for part in ("encoder", "decoder", "discriminator")
        for kind, of in kinds.items()
        for number, module in enumerate(_all(getattr(twin, part), of))
    }


def _all(layers: nn.Module, kind: type[nn.Module]) -> list[Any]:
    return [module for module in layers.modules() if isinstance(module, kind)]


def _key(module: nn.Module, key: str) -> str:
    if key == "bias":
        return key
    return "scale" if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) else "kernel"


def _convert(twin: Twin, name: str, module: nn.Module, key: str) -> Convert:
    channels, height, width = twin.bottleneck
    hwc = (height, width, channels)
    if name in ("expand", "decoder/Dense_0"):
        return lambda a: a.reshape(-1, *hwc).transpose(3, 1, 2, 0).reshape(-1, len(a))
    if name == "expand_norm" and isinstance(module, nn.BatchNorm1d):
        return lambda a: a.reshape(hwc).transpose(2, 0, 1).reshape(-1)
    if key == "bias" or isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
        return lambda a: a
    if name.startswith("head"):
        return _flattened(_channels(twin, module))
    if name in ("to_mean", "to_log_variance", "encoder/Dense_0"):
        return _flattened(channels)
    if isinstance(twin, GameTwin) and name == "discriminator/Dense_0" and twin.judged_channels:
        return _flattened(twin.judged_channels)
    if isinstance(module, nn.Linear):
        return np.transpose
    if isinstance(module, nn.ConvTranspose2d):
        return lambda a: a[::-1, ::-1].transpose(2, 3, 0, 1)
    return lambda a: a.transpose(3, 2, 0, 1)


def _channels(twin: Twin, head: nn.Module) -> int:
    """Channels of the stage that a ladder's head takes as input."""
    assert isinstance(twin, PaddedTwin)
    number = [other is head for other in twin.heads].index(True)
    return _all(twin.stages, nn.Conv2d)[number - len(twin.heads)].out_channels


def _flattened(channels: int) -> Convert:
    """Kernel of a dense layer on a flattened image, which is (h, w, c) in JAX and (c, h, w) in PyTorch."""

    def convert(a: np.ndarray) -> np.ndarray:
        side = round((len(a) // channels) ** 0.5)
        return a.reshape(side, side, channels, -1).transpose(3, 2, 0, 1).reshape(a.shape[1], -1)

    return convert
