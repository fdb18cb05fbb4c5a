#!/usr/bin/env bash
# Mapped over replicas, a strided convolution loses cuDNN's kernel for the gradient of its input (JAX 0.10.2, CUDA 12).
#
# The gradients of one convolution compile to cuDNN's backward-input and backward-filter kernels. `jax.vmap` over images
# and kernels makes a grouped convolution, and XLA then computes the gradient of the input by a forward convolution over
# images with zeros between their pixels, four times the products at stride 2. Mapping by `lax.map` keeps the kernel, and
# so does vmap with one replica, or over kernels alone. Compiled for an H200 without one, Python 3.11:
#
#     one: Forward 1, BackwardInput 1, BackwardFilter 1
#     vmap 1: Forward 1, BackwardInput 1, BackwardFilter 1
#     vmap 2: Forward 2, BackwardInput 0, BackwardFilter 1
#     vmap 8: Forward 2, BackwardInput 0, BackwardFilter 1
#     vmap 8, kernels alone: Forward 1, BackwardInput 1, BackwardFilter 1
#     map 2: Forward 1, BackwardInput 1, BackwardFilter 1
#
# Fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 jaxlib==0.10.2
"$folder/venv/bin/pip" install --quiet --no-deps jax-cuda12-plugin==0.10.2 jax-cuda12-pjrt==0.10.2 \
    nvidia-cuda-nvcc-cu12==12.9.86
found=$(JAX_PLATFORMS=cpu "$folder/venv/bin/python" - <<'PYTHON' 2>/dev/null
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.experimental import topologies
from jax.sharding import Mesh, NamedSharding, PartitionSpec

H200 = """
gpu_device_info {
  threads_per_block_limit: 1024 threads_per_warp: 32 shared_memory_per_block: 49152 shared_memory_per_core: 233472
  threads_per_core_limit: 2048 core_count: 132 fpus_per_core: 128 block_dim_limit_x: 2147483647
  block_dim_limit_y: 65535 block_dim_limit_z: 65535 memory_bandwidth: 4800000000000 l2_cache_size: 62914560
  clock_rate_ghz: 1.98 device_memory_size: 150000000000 shared_memory_per_block_optin: 232448
  cuda_compute_capability { major: 9 minor: 0 } registers_per_core_limit: 65536 registers_per_block_limit: 65536
}
platform_name: "CUDA" dnn_version_info { major: 9 minor: 8 patch: 0 }
runtime_version { major: 12 minor: 9 patch: 0 } device_description_str: "NVIDIA H200"
"""
devices = topologies.get_topology_desc(
    platform="cuda", topology_name="1x1x1", topology="1x1x1", target_config=H200
).devices
whole = NamedSharding(Mesh(np.array(devices), ("one",)), PartitionSpec())


def conv(images, kernel):
    return lax.conv_general_dilated(images, kernel, (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def show(name, function, images, kernel):
    gradients = jax.grad(lambda *given: (function(*given) ** 2).sum(), (0, 1))
    shapes = [jax.ShapeDtypeStruct(shape, jnp.float32, sharding=whole) for shape in (images, kernel)]
    options = {"xla_gpu_autotune_level": "0"}  # which needs a device
    text = jax.jit(gradients).lower(*shapes).compile(compiler_options=options).as_text()
    forward = text.count('"__cudnn$convForward"') + text.count('"__cudnn$convBiasActivationForward"')
    backward = [text.count(f'"__cudnn$conv{kind}"') for kind in ("BackwardInput", "BackwardFilter")]
    print(f"{name}: Forward {forward}, BackwardInput {backward[0]}, BackwardFilter {backward[1]}")


IMAGES, KERNEL = (128, 14, 14, 32), (4, 4, 32, 64)
show("one", conv, IMAGES, KERNEL)
for replicas in (1, 2, 8):
    show(f"vmap {replicas}", jax.vmap(conv), (replicas, *IMAGES), (replicas, *KERNEL))
show("vmap 8, kernels alone", jax.vmap(conv, (None, 0)), IMAGES, (8, *KERNEL))
show("map 2", lambda *given: lax.map(lambda each: conv(*each), given), (2, *IMAGES), (2, *KERNEL))
PYTHON
)
expected="one: Forward 1, BackwardInput 1, BackwardFilter 1
vmap 1: Forward 1, BackwardInput 1, BackwardFilter 1
vmap 2: Forward 2, BackwardInput 0, BackwardFilter 1
vmap 8: Forward 2, BackwardInput 0, BackwardFilter 1
vmap 8, kernels alone: Forward 1, BackwardInput 1, BackwardFilter 1
map 2: Forward 1, BackwardInput 1, BackwardFilter 1"
echo "$found"
[ "$found" = "$expected" ]
