"""Memory layouts of image tensors inside a network, and the operations that depend on them.

Networks use the interface `Layout`, whichever layout they run in: `native` keeps NHWC and uses XLA's convolutions
(GPU, TPU); `chwn` keeps the batch innermost and computes convolutions as matrix products (CPU, where XLA's gradients of
strided convolutions are several times slower). Kernels are HWIO in both, so that both can use the same parameters.
Tests check that their results are equal.
"""

from jaxvae.models.layouts.base import LAYOUTS, Layout, layout

__all__ = ["LAYOUTS", "Layout", "layout"]
