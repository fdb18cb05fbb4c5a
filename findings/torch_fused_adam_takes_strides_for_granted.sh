#!/usr/bin/env bash
# PyTorch's fused Adam on CPUs updates the wrong elements where a gradient's strides are not its parameter's.
#
# `torch.autograd.grad` may return a gradient that is laid out otherwise than the parameter, such as after a second
# backward pass. Assigned to `.grad`, it passes every check. `Adam(fused=True)` then goes through both in memory order,
# without a warning, where the plain one is right. With torch 2.13.0, the largest difference from the plain optimizer's
# parameters after one step of 0.1:
#
#     gradient laid out as the parameter: 0.0
#     gradient laid out transposed: 0.2
#
# Fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy
"$folder/venv/bin/python" - <<'PYTHON' | tee "$folder/out"
import torch

gradient = torch.arange(12.0).reshape(3, 4) - 5.5


def step(given, fused):
    parameter = torch.zeros(3, 4, requires_grad=True)
    parameter.grad = given
    torch.optim.Adam([parameter], lr=0.1, fused=fused).step()
    return parameter.detach()


transposed = gradient.t().contiguous().t()
assert torch.equal(gradient, transposed) and gradient.stride() != transposed.stride()
for name, given in (("as the parameter", gradient), ("transposed", transposed)):
    difference = (step(given, True) - step(given, False)).abs().max().item()
    print(f"gradient laid out {name}: {difference:.1f}")
PYTHON
printf 'gradient laid out as the parameter: 0.0\ngradient laid out transposed: 0.2\n' | diff - "$folder/out"
