"""Counts of compiled programs: of one written by hand, and of small ones that XLA:CPU compiles."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from benchmarks import counts, hlo

GPU = """HloModule jit_chunk, is_scheduled=true, entry_computation_layout={(f32[8]{0})->f32[8]{0}}

%fused_gather (p0: u8[60000,784], p1: s32[128]) -> f32[128,784] {
  %p0 = u8[60000,784]{1,0} parameter(0)
  %p1 = s32[128]{0} parameter(1)
  %rows = u8[128,784]{1,0} gather(%p0, %p1), offset_dims={1}, slice_sizes={1,784}
  ROOT %floats = f32[128,784]{1,0} convert(%rows)
}

%fused_history (q0: f32[50], q1: f32[], q2: s32[]) -> f32[50] {
  %q0 = f32[50]{0} parameter(0)
  %q1 = f32[] parameter(1)
  %one = f32[1]{0} bitcast(%q1)
  %q2 = s32[] parameter(2)
  ROOT %written = f32[50]{0} dynamic-update-slice(%q0, %one, %q2)
}

%gemm_computation (a: f32[128,784], b: f32[784,32]) -> f32[128,32] {
  %a = f32[128,784]{1,0} parameter(0)
  %b = f32[784,32]{1,0} parameter(1)
  ROOT %dot = f32[128,32]{1,0} dot(%a, %b), lhs_contracting_dims={1}, rhs_contracting_dims={0}
}

%condition (s: (s32[], f32[50])) -> pred[] {
  %s = (s32[], f32[50]{0}) parameter(0)
  %turn = s32[] get-tuple-element(%s), index=0
  ROOT %less = pred[] compare(%turn, %turn), direction=LT
}

%rounds (r: (s32[])) -> (s32[]) {
  %r = (s32[]) parameter(0)
  %i = s32[] get-tuple-element(%r), index=0
  %more = s32[] add(%i, %i)
  ROOT %back = (s32[]) tuple(%more)
}

%step (state: (s32[], /*index=1*/f32[50])) -> (s32[], f32[50]) {
  %state = (s32[], f32[50]{0}) parameter(0)
  %turn.1 = s32[] get-tuple-element(%state), index=0
  %history = f32[50]{0} get-tuple-element(%state), index=1
  %data = u8[60000,784]{1,0:T(8,128)(4,1)} custom-call(), TARGET="resident"
  %order = s32[128]{0} iota(), iota_dimension=0
  %images = f32[128,784]{1,0} fusion(%data, %order), kind=kLoop, calls=%fused_gather
  %pixels = f32[128,28,28,1]{3,2,1,0} bitcast(%images)
  %kernel = f32[32,4,4,1]{3,2,1,0} constant({...})
  %forward = (f32[128,14,14,32]{3,2,1,0}, u8[0]{0}) custom-call(%pixels, %kernel), LABELS, TARGET="__cudnn$convForward"
  %features = f32[128,14,14,32]{3,2,1,0} get-tuple-element(%forward), index=0
  %to_input = (f32[128,28,28,1], u8[0]{0}) custom-call(%features, %kernel), LABELS, TARGET="__cudnn$convBackwardInput"
  %to_kernel = (f32[32,4,4,1], u8[0]{0}) custom-call(%pixels, %features), LABELS, TARGET="__cudnn$convBackwardFilter"
  %weights = f32[784,32]{1,0} constant({...})
  %product = f32[128,32]{1,0} fusion(%images, %weights), kind=kCustom, calls=%gemm_computation
  %gemm = (f32[128,16], s8[4194304]{0}) custom-call(%product, %weights), TARGET="__cublas$gemm", config={CONTRACTED}
  %sum = f32[] all-reduce-start(%product), channel_id=1, to_apply=%add
  %summed = f32[] all-reduce-done(%sum)
  %inner = (s32[]) while(%state), condition=%condition, body=%rounds, backend_config={"known_trip_count":{"n":"5"}}
  %new = f32[50]{0} fusion(%history, %summed, %turn.1), kind=kLoop, calls=%fused_history
  ROOT %carry = (s32[], f32[50]{0}) tuple(%turn.1, %new)
}

ENTRY %main (x: f32[50]) -> f32[50] {
  %x = f32[50]{0} parameter(0)
  %zero = s32[] constant(0)
  %copy = f32[50]{0} copy(%x)
  %before = (s32[], f32[50]{0}) tuple(%zero, %copy)
  %loop = (s32[], f32[50]{0}) while(%before), condition=%condition, body=%step
  ROOT %result = f32[50]{0} get-tuple-element(%loop), index=1
}
"""


@pytest.fixture(scope="module")
def gpu():
    text = GPU.replace("LABELS", "dim_labels=b01f_o01i->b01f").replace("TARGET", "custom_call_target")
    return hlo.parse(text.replace("CONTRACTED", '"lhs_contracting_dimensions":["1"]'))


def test_kernels_of_a_step_by_kind(gpu):
    assert counts.kinds(gpu, gpu.step) == {
        "compare": 1 + 5,
        "add": 5,
        "fusion": 2,
        "GEMM": 2,
        "custom call resident": 1,
        "iota": 1,
        "cuDNN forward": 1,
        "cuDNN backward input": 1,
        "cuDNN backward filter": 1,
        "all-reduce": 1,
    }
    assert counts.kinds(gpu, gpu.outside) == {"copy": 1}


def test_all_three_products_of_a_convolution_cost_the_same(gpu):
    convolution = 128 * 14 * 14 * 32 * (4 * 4 * 1)
    products = 128 * 784 * 32 + 128 * 32 * 16
    assert counts.product_flops(gpu, gpu.step) == 2 * (3 * convolution + products)


def test_bytes_of_what_is_gathered_and_updated_not_of_the_whole(gpu):
    (gather,) = [each for each in gpu.step if each.instruction.name == "images"]
    assert counts.bytes_accessed(gpu, [gather]) == 128 * 784 + 4 * 128 + 4 * 128 * 784
    (update,) = [each for each in gpu.step if each.instruction.name == "new"]
    assert counts.bytes_accessed(gpu, [update]) == 4 + 4 + 2 * 4
    assert counts.bytes_accessed(gpu, gpu.outside) == 2 * 4 * 50


def test_collectives_are_counted_by_what_goes_in(gpu):
    assert counts.collectives(gpu, gpu.step) == {"all-reduce": {"count": 1, "bytes": 4 * 128 * 32}}
    assert counts.transfers(gpu, gpu.step) == {}
    assert counts.types(gpu) == {"f32", "u8", "s8", "s32", "pred"}


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ('%c = f32[] custom-call(%x), custom_call_target="xla_ffi_python_cpu_callback"', "host callback"),
        ("%c = (f32[], token[]) infeed(%x)", "infeed"),
        ("%c = (f32[], u32[], token[]) send(%x), channel_id=2", "send"),
    ],
)
def test_a_transfer_to_the_host_is_found(line, kind):
    program = hlo.parse(f"ENTRY %main (x: f32[]) -> f32[] {{\n  %x = f32[] parameter(0)\n  {line}\n}}\n")
    assert counts.transfers(program, program.step) == {kind: 1}


def test_a_text_without_a_program_is_refused():
    with pytest.raises(ValueError, match="no ENTRY"):
        hlo.parse("HloModule nothing")


def compiled(function, *arguments):
    return jax.jit(function).lower(*arguments).compile()


def test_products_are_those_that_xla_counts():
    def train(x, count):
        return lax.fori_loop(0, count, lambda i, x: jnp.tanh(x @ x), x)

    built = compiled(train, np.zeros((48, 48), np.float32), np.int32(3))
    program = hlo.parse(built.as_text())
    assert counts.product_flops(program, program.step) == 2 * 48**3
    assert built.cost_analysis()["flops"] == pytest.approx(2 * 48**3, rel=0.01)


def test_replicas_that_take_turns_count_as_often():
    def one(x, count):
        return lax.fori_loop(0, count, lambda i, x: jnp.tanh(x @ x) + x, x)

    def train(x, count):
        return lax.map(lambda x: one(x, count), x)

    built = compiled(train, np.zeros((3, 48, 48), np.float32), np.int32(3))
    program = hlo.parse(built.as_text())
    assert program.turns == 3
    assert counts.product_flops(program, program.step) == 3 * 2 * 48**3


def test_devices_of_this_machine_sum_what_they_hold():
    mesh = Mesh(np.array(jax.devices()[:4]), ("data",))
    spread = jax.ShapeDtypeStruct((8, 32), jnp.float32, sharding=NamedSharding(mesh, PartitionSpec("data")))
    program = hlo.parse(compiled(lambda x: x.sum(0), spread).as_text())
    assert counts.collectives(program, program.step) == {"all-reduce": {"count": 1, "bytes": 4 * 32}}
