import dataclasses

import jax
import jax.numpy as jnp
import jaxtyping
import pytest

from benchmarks import hlo, layers, profile_step
from benchmarks.layers import Cost


@jax.jit
def product(kernel, x):
    def loss(kernel):
        with jax.named_scope("first"):
            h = x @ kernel
        with jax.named_scope("second"):
            return jnp.sum(jnp.sin(h @ kernel))

    return jax.grad(loss)(kernel)


MATRIX = jax.ShapeDtypeStruct((32, 32), jnp.float32)


def test_each_operation_belongs_to_the_part_that_it_was_made_of():
    program = hlo.parse(product.lower(MATRIX, MATRIX).compile().as_text())
    found = layers.costs(program, {"first", "second"})
    assert {cost.part for cost in found} <= {"first", "second", layers.OTHER}
    flops = {
        (part, backward): sum(cost.flops for cost in found if cost.part == part and cost.backward is backward)
        for part in ("first", "second")
        for backward in (False, True)
    }
    one = 2 * 32**3
    # The gradient of x is not asked for, so that the first product has one in its backward pass, the second one two.
    assert flops == {
        ("first", False): one,
        ("first", True): one,
        ("second", False): one,
        ("second", True): 2 * one,
    }
    assert all(cost.bytes >= 3 * 32 * 32 * 4 for cost in found if cost.flops)


def test_a_copy_belongs_to_what_it_copies():
    text = """
ENTRY %main (x: f32[4]) -> f32[4] {
  %x = f32[4]{0} parameter(0)
  %y = f32[4]{0} sine(%x), metadata={op_name="jit(f)/transpose(jvp(encoder))/stages_0/sin"}
  ROOT %z = f32[4]{0} copy(%y)
}
"""
    costs = layers.costs(hlo.parse(text), {"encoder", "stages_0"})
    assert costs == [
        Cost("y", "encoder/stages_0", True, 32, 0),
        Cost("z", "encoder/stages_0", True, 32, 0),
    ]


def test_the_account_adds_up():
    found = [
        Cost("a", "norm", False, 1_000_000, 0),
        Cost("b", "conv", False, 2_000_000, 2 * 10**9),
        Cost("c", "conv", True, 3_000_000, 10**9),
    ]
    assert layers.table(found, {"a": 1.0, "b": 2.0}, rate=1e12) == [
        ("part", "forward ms", "backward ms", "MB", "GFLOP", "floor ms"),
        ("conv", "2.00", "0.00", "5.0", "3.00", "3.00"),
        ("norm", "1.00", "0.00", "1.0", "0.00", "0.00"),
        ("all", "3.00", "0.00", "6.0", "3.00", "3.00"),
    ]


def test_operations_are_timed_from_start_to_end(tmp_path):
    program = product.lower(MATRIX, MATRIX).compile()
    kernel = jnp.ones((32, 32))
    with jax.profiler.trace(tmp_path):
        for _ in range(3):
            jax.block_until_ready(program(kernel, kernel))
    names = [cost.name for cost in layers.costs(hlo.parse(program.as_text()), set())]
    times = profile_step.durations(tmp_path, names)
    assert times.keys() <= set(names)
    assert sum(times.values()) > 0
    assert min(times.values()) >= 0


def test_every_layer_and_term_is_printed(monkeypatch, capsys):
    small = dataclasses.replace(profile_step.WORKLOADS["conv"], widths=(4, 8))
    monkeypatch.setitem(profile_step.WORKLOADS, "conv", small)
    monkeypatch.setattr(profile_step, "matmul_rate", lambda *given: 1e12)
    # JAX describes arguments by states that hold no arrays.
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    profile_step.main(profile_step.Config(model="conv", batch_size=4, steps=2))
    printed = capsys.readouterr().out
    for part in (
        "stages_1",
        "unstages_0",
        "to_logits",
        "reconstruction",
        "kl",
        "batch",
        "latents",
        "update",
        "all",
    ):
        assert f"\n| {part} " in printed
    cells = next(line for line in printed.splitlines() if line.startswith("| all ")).split("|")
    assert min(float(cell) for cell in cells[2:5]) > 0


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"steps": 0}, "at least 1"),
        ({"batch_size": 0}, "at least 1"),
        ({"steps": 51}, "at most 50, those of one call, got 51"),
    ],
)
def test_what_cannot_be_measured_is_refused(flags, message):
    with pytest.raises(ValueError, match=message):
        profile_step.main(profile_step.Config(**flags))
