"""PyTorch's layers with this package's parameters, for tests that have found PyTorch."""

import importlib

import jax
import numpy as np


def _torch():
    return importlib.import_module("torch")


def tensors(params):
    """Parameters as PyTorch's tensors."""
    return jax.tree.map(lambda leaf: _torch().from_numpy(np.array(leaf)), params)


def conv(x, layer, **geometry):
    """Convolution of NCHW images."""
    return _torch().conv2d(x, layer["kernel"].permute(3, 2, 0, 1), layer["bias"], **geometry)


def transposed(x, layer, **geometry):
    """Transposed convolution of NCHW images."""
    kernel = layer["kernel"].flip(0, 1).permute(2, 3, 0, 1)
    return _torch().nn.functional.conv_transpose2d(x, kernel, layer["bias"], **geometry)


def dense(x, layer):
    """Dense layer."""
    return x @ layer["kernel"] + layer["bias"]
