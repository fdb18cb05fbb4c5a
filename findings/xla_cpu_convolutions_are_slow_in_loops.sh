#!/usr/bin/env bash
# XLA:CPU computes the gradient of a convolution's kernel some twenty times slower inside a loop than outside it.
#
# Its fast convolution wants the batch first and the channels last. The pass that brings other orders into this form, as
# the gradient of a kernel needs, looks at the program's outermost computation only: in the body of a `fori_loop` or a
# `scan`, where training steps usually run, the convolution stays as it is written and gets plain loops. Transposing the
# operands by hand gives the same numbers at the speed of outside. Kernel 3x3, 64 images of 14x14x64, orders of axes in
# the compiled program and milliseconds on two cores, with jax 0.10.2 (0.12.0.1 leaves the order as it is, too):
#
#     alone                   25.0 ms  b01f_01io->b01f
#     in a loop              534.4 ms  b01f_01io->b01f f01b_i01o->01bf
#     in a loop, by hand      22.1 ms  b01f_01io->b01f
#
# Fails if the orders change, or if the loop takes less than four times as long.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2
JAX_PLATFORMS=cpu "$folder/venv/bin/python" - <<'PYTHON' | tee "$folder/out"
import re
import sys
import time

import jax
import jax.numpy as jnp
from jax import lax

AXES = ("NHWC", "HWIO", "NHWC")
images, kernel = jnp.ones((64, 14, 14, 64)), jnp.ones((3, 3, 64, 64))


def convolve(x, kernel):
    return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=AXES)


def gradient(kernel):
    y, pullback = jax.vjp(lambda kernel: convolve(images, kernel), kernel)
    return pullback(y)[0]


def by_hand(kernel):
    y = convolve(images, kernel)
    window = lax.conv_general_dilated(
        images.transpose(3, 1, 2, 0), y.transpose(1, 2, 0, 3), (1, 1), ((1, 1), (1, 1)), dimension_numbers=AXES
    )
    return window.transpose(1, 2, 0, 3)


def looped(f):
    return lambda kernel: lax.fori_loop(0, 4, lambda _, kernel: 1e-9 * f(kernel), kernel)


def look(name, f, turns):
    run = jax.jit(f).lower(kernel).compile()
    run(kernel).block_until_ready()
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        run(kernel).block_until_ready()
        seconds.append((time.perf_counter() - start) / turns)
    print(f"{1e3 * min(seconds):.1f} ms", name, file=sys.stderr)
    orders = sorted(set(re.findall(r"dim_labels=([\w>-]+)", run.as_text())))
    print(f"{name}:", *orders)
    return min(seconds)


alone = look("alone", gradient, 1)
loop = look("in a loop", looped(gradient), 4)
look("in a loop, by hand", looped(by_hand), 4)
print("equal:", bool(jnp.all(gradient(kernel) == by_hand(kernel))))
print("at least four times as long:", loop > 4 * alone)
PYTHON
diff - "$folder/out" <<'EXPECTED'
alone: b01f_01io->b01f
in a loop: b01f_01io->b01f f01b_i01o->01bf
in a loop, by hand: b01f_01io->b01f
equal: True
at least four times as long: True
EXPECTED
