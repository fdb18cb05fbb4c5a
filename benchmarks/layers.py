"""Which layer, loss term or other named part of a train step each instruction of its program belongs to."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from benchmarks import counts
from benchmarks.hlo import Computation, Executed, Instruction, Program

OTHER = "other"
"""Name for what belongs to no part."""

BACKWARD = "transpose("
"""What JAX puts around the names of operations of a gradient."""


@dataclass(frozen=True)
class Cost:
    """What one instruction of a step does.

    Attributes:
        name: of the instruction.
        part: that it belongs to.
        backward: whether it computes gradients.
        bytes: read and written in a step.
        flops: of matrix products and convolutions in a step.
    """

    name: str
    part: str
    backward: bool
    bytes: int
    flops: int


def costs(program: Program, parts: Collection[str]) -> list[Cost]:
    """Attributes the instructions of a step to its parts.

    Args:
        program: a compiled program.
        parts: names of layers and of other scopes. A layer in a layer is named after both, such as "encoder/stages_0".

    Returns:
        One entry for each instruction.
    """
    return [_cost(program, each, parts) for each in program.step]


def _cost(program: Program, each: Executed, parts: Collection[str]) -> Cost:
    for name in _names(program, each.computation, each.instruction):
        found = [token for token in re.split(r"[/()]", name) if token in parts]
        if found:
            return _of(program, each, "/".join(dict.fromkeys(found)), backward=BACKWARD in name)
    return _of(program, each, OTHER, backward=False)


def _of(program: Program, each: Executed, part: str, *, backward: bool) -> Cost:
    return Cost(
        each.instruction.name,
        part,
        backward,
        counts.bytes_accessed(program, [each]),
        counts.product_flops(program, [each]),
    )


def _names(program: Program, computation: Computation, instruction: Instruction) -> Iterator[str]:
    """The operation that an instruction was made of, those that it fuses, and those that made its operands."""
    waiting, seen = [instruction], {instruction.name}
    while waiting:
        each = waiting.pop()
        yield each.attribute("op_name")
        for called in each.called("calls"):
            for inside in reversed(program.computations[called].instructions):
                yield inside.attribute("op_name")
        made = [name for name in each.operands if name not in seen]
        seen.update(made)
        waiting += [computation.by_name[name] for name in reversed(made)]


def table(found: Collection[Cost], milliseconds: Mapping[str, float], rate: float) -> list[tuple[str, ...]]:
    """The account of a step.

    Args:
        found: of all instructions.
        milliseconds: that each took in a step, by name; those that took none may be left out.
        rate: of matrix products, floating point operations per second.

    Returns:
        Lines of a table, its head first: the parts that take longest, and the sum of all.
    """
    times: dict[str, list[float]] = {}
    for cost in found:
        forward, backward, size, flops = times.get(cost.part, [0.0] * 4)
        spent = milliseconds.get(cost.name, 0.0)
        times[cost.part] = [
            forward + spent * (not cost.backward),
            backward + spent * cost.backward,
            size + cost.bytes,
            flops + cost.flops,
        ]
    lines = sorted(times.items(), key=lambda item: -sum(item[1][:2]))
    lines.append(("all", [sum(column) for column in zip(*times.values(), strict=True)]))
    return [
        ("part", "forward ms", "backward ms", "MB", "GFLOP", "floor ms"),
        *(
            (
                part,
                f"{forward:.2f}",
                f"{backward:.2f}",
                f"{size / 1e6:.1f}",
                f"{flops / 1e9:.2f}",
                f"{1e3 * flops / rate:.2f}",
            )
            for part, (forward, backward, size, flops) in lines
        ),
    ]
