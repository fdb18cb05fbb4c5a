"""What the instructions of a compiled train step cost: kernels by kind, collectives, products and bytes."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from math import prod
from typing import TypedDict

from benchmarks.hlo import Array, Computation, Executed, Instruction, Program

COLLECTIVES = (
    "all-reduce",
    "all-gather",
    "all-to-all",
    "collective-permute",
    "reduce-scatter",
    "collective-broadcast",
)
"""Kinds of communication between devices."""

TRANSFERS = ("infeed", "outfeed", "send", "recv", "host callback")
"""Kinds of communication with the host."""

_PARTS = frozenset(("dynamic-slice", "gather", "slice"))

Sizes = Callable[[Iterable[Array]], int]
"""Bytes of the arrays that count."""

_CUDNN = {
    "__cudnn$convForward": "cuDNN forward",
    "__cudnn$convBiasActivationForward": "cuDNN forward",
    "__cudnn$convBackwardInput": "cuDNN backward input",
    "__cudnn$convBackwardFilter": "cuDNN backward filter",
}


class Collective(TypedDict):
    """Collectives of one kind.

    Attributes:
        count: how many a step has.
        bytes: what one device hands to them in a step.
    """

    count: int
    bytes: int


def kinds(program: Program, executed: Iterable[Executed]) -> dict[str, int]:
    """Kernels by kind.

    Args:
        program: the whole program.
        executed: its step.

    Returns:
        The number of each kind, the most frequent first.
    """
    counter: Counter[str] = Counter()
    for each in executed:
        counter[_kind(program, each.instruction)] += each.times
    return dict(counter.most_common())


def _kind(program: Program, instruction: Instruction) -> str:
    opcode = instruction.opcode.removesuffix("-start")
    if opcode == "custom-call":
        target = instruction.attribute("custom_call_target")
        if target.startswith("__cublas"):
            return "GEMM"
        return _CUDNN.get(target, f"custom call {target}")
    if opcode in ("dot", "convolution"):
        return {"dot": "GEMM", "convolution": "convolution"}[opcode]
    if opcode != "fusion":
        return opcode
    inside = {i.opcode for _, i in _fused(program, instruction)}
    if collectives := [kind for kind in COLLECTIVES if kind in inside]:
        return collectives[0]
    if "convolution" in inside:
        return "convolution"
    return "GEMM" if "dot" in inside else "fusion"


def _fused(program: Program, instruction: Instruction) -> Iterator[tuple[Computation, Instruction]]:
    """All that a fusion computes."""
    for name in instruction.called("calls"):
        computation = program.computations[name]
        for each in computation.instructions:
            yield computation, each
            if each.opcode == "fusion":
                yield from _fused(program, each)


def _flat(program: Program, executed: Iterable[Executed]) -> Iterator[Executed]:
    """The same with the insides of fusions in their place."""
    for each in executed:
        if each.instruction.opcode == "fusion":
            for computation, inside in _fused(program, each.instruction):
                yield Executed(computation, inside, each.times)
        else:
            yield each


def collectives(program: Program, executed: Iterable[Executed]) -> dict[str, Collective]:
    """Communication between devices.

    Args:
        program: the whole program.
        executed: its step.

    Returns:
        Number and bytes by kind; kinds that the step does not have are left out.
    """
    found: dict[str, Collective] = {}
    for each in _flat(program, executed):
        kind = each.instruction.opcode.removesuffix("-start")
        if kind in COLLECTIVES:
            known = found.setdefault(kind, {"count": 0, "bytes": 0})
            known["count"] += each.times
            known["bytes"] += each.times * _bytes(each.computation.operands(each.instruction))
    return dict(sorted(found.items()))


def transfers(program: Program, executed: Iterable[Executed]) -> dict[str, int]:
    """Communication with the host.

    Args:
        program: the whole program.
        executed: its step.

    Returns:
        The number of each of `TRANSFERS`; those that the step does not have are left out.
    """
    counter: Counter[str] = Counter()
    for each in _flat(program, executed):
        opcode = each.instruction.opcode
        if opcode in TRANSFERS:
            counter[opcode] += each.times
        elif opcode == "custom-call" and "callback" in each.instruction.attribute("custom_call_target"):
            counter["host callback"] += each.times
    return dict(counter)


def types(program: Program) -> set[str]:
    """Types of all arrays, such as "f32".

    Args:
        program: the whole program.

    Returns:
        XLA's names.
    """
    return {
        array.dtype
        for computation in program.computations.values()
        for instruction in computation.instructions
        for array in instruction.results
    }


def bytes_accessed(program: Program, executed: Iterable[Executed], *, main_memory: bool = False) -> int:
    """What instructions read and write.

    Args:
        program: the whole program.
        executed: a part of it.
        main_memory: whether to leave out what lies in a TPU's fast memory.

    Returns:
        Bytes of operands and results. Of an operand of which a fusion only gathers or slices a part, the part counts,
        and of a result that a fusion only updates in place, the update.
    """
    sizes = _main_memory_bytes if main_memory else _bytes
    return sum(each.times * _traffic(program, each, sizes) for each in executed)


def _traffic(program: Program, each: Executed, sizes: Sizes) -> int:
    instruction, computation = each.instruction, each.computation
    opcode = instruction.opcode.removesuffix("-start")
    started = opcode != instruction.opcode
    if opcode in _PARTS:
        # What starts one returns its operand beside the part.
        part = min(instruction.results[: 1 + started], key=lambda array: array.bytes)
        return sizes([part]) + sizes([replace(part, on_chip=computation.operands(instruction)[0].on_chip)])
    if opcode == "dynamic-update-slice":
        return 2 * sizes(computation.by_name[instruction.operands[1]].results)
    if opcode != "fusion":
        results = instruction.results[:1] if started else instruction.results
        return sizes(computation.operands(instruction)) + sizes(results)
    (name,) = instruction.called("calls")
    fused = program.computations[name]
    parameters = [i for i in fused.instructions if i.opcode == "parameter"]
    return sum(_read(fused, parameter, sizes) for parameter in parameters) + _written(fused, sizes)


def _read(fused: Computation, parameter: Instruction, sizes: Sizes) -> int:
    uses = _uses(fused, parameter.name)
    whole = sizes(parameter.results)
    if not all(user.operands[0] == name for name, user in uses):
        return whole
    opcodes = {user.opcode for _, user in uses}
    if uses and opcodes <= _PARTS:
        return min(whole, sum(_bytes(user.results) for _, user in uses))
    return 0 if opcodes == {"dynamic-update-slice"} else whole


def _uses(fused: Computation, name: str) -> list[tuple[str, Instruction]]:
    """What reads a value, and under which name; bitcasts only rename."""
    uses = []
    for user in fused.instructions:
        if name in user.operands:
            uses += _uses(fused, user.name) if user.opcode == "bitcast" else [(name, user)]
    return uses


def _written(fused: Computation, sizes: Sizes) -> int:
    (root,) = [i for i in fused.instructions if i.root]
    roots = [fused.by_name[name] for name in root.operands] if root.opcode == "tuple" else [root]
    return sum(
        2 * sizes(fused.by_name[i.operands[1]].results)
        if i.opcode == "dynamic-update-slice"
        else sizes(i.results)
        for i in roots
    )


def product_flops(program: Program, executed: Iterable[Executed]) -> int:
    """Operations of matrix products and convolutions, two for each multiplication; products by padding count.

    Args:
        program: the whole program.
        executed: its step.

    Returns:
        Floating point operations.
    """
    return sum(2 * each.times * _multiplications(each) for each in _flat(program, executed))


def _multiplications(each: Executed) -> int:
    instruction = each.instruction
    if instruction.opcode == "dot":
        left = each.computation.by_name[instruction.operands[0]].results[0]
        contracted = re.findall(r"\d+", instruction.attribute("lhs_contracting_dims"))
        return instruction.results[0].size * prod(left.dims[int(axis)] for axis in contracted)
    target = instruction.attribute("custom_call_target")
    if target.startswith("__cublas"):
        left = each.computation.operands(instruction)[0]
        found = re.search(r'"lhs_contracting_dimensions":(\[[^\]]*\])', instruction.attributes)
        contracted = json.loads(found[1]) if found else []
        return instruction.results[0].size * prod(left.dims[int(axis)] for axis in contracted)
    if target in _CUDNN or instruction.opcode == "convolution":
        return _convolution(each.computation, instruction, target)
    return 0


def _convolution(computation: Computation, instruction: Instruction, target: str) -> int:
    """The same for all three products of a convolution: each element of the output meets one filter."""
    first, second = computation.operands(instruction)[:2]
    result = instruction.results[0]
    output, kernel = {
        "cuDNN backward input": (first, second),
        "cuDNN backward filter": (second, result),
    }.get(_CUDNN.get(target, ""), (result, second))
    axis = instruction.attribute("dim_labels").split("_")[1].split("->")[0].index("o")
    return output.size * kernel.size // kernel.dims[axis]


def _main_memory_bytes(arrays: Iterable[Array]) -> int:
    return _bytes(array for array in arrays if not array.on_chip)


def _bytes(arrays: Iterable[Array]) -> int:
    return sum(array.bytes for array in arrays)
