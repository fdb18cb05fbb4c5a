"""How image tensors lie in memory inside a network, and the operations that depend on it.

Networks are written against `Layout` and never see which one they run in: `native` keeps NHWC and uses XLA's
convolutions (GPU, TPU); `chwn` keeps the batch innermost and computes convolutions as matrix products (CPU,
where XLA's own gradients of strided convolutions are several times slower). Kernels are HWIO in both, so
parameters move freely between them. Equal results are a tested property.
"""

from jaxvae.models.layouts.base import LAYOUTS, Layout, layout

__all__ = ["LAYOUTS", "Layout", "layout"]
