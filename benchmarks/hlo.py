"""The text of a compiled XLA program: its computations, and those of their instructions that run as one train step."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod

_BITS = {"pred": 8, "token": 0, "opaque": 0}
"""Types whose name does not end in its number of bits."""

_CLOSING = {"(": ")", "{": "}", "[": "]"}

_NO_WORK = frozenset(
    (
        "parameter",
        "constant",
        "tuple",
        "get-tuple-element",
        "bitcast",
        "after-all",
        "partition-id",
        "replica-id",
        "opt-barrier",
        "domain",
        "add-dependency",
    )
)
"""What moves and computes nothing when the program runs."""


@dataclass(frozen=True)
class Array:
    """Type and shape of an array.

    Attributes:
        dtype: XLA's name, such as "f32".
        dims: its shape.
        on_chip: whether it lies in a TPU's fast memory rather than in its main memory.
    """

    dtype: str
    dims: tuple[int, ...]
    on_chip: bool = False

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.dims)

    @property
    def bytes(self) -> int:
        """Without what a device pads."""
        digits = re.match(r"[a-z]+?(\d+)", self.dtype)
        bits = _BITS[self.dtype] if self.dtype in _BITS else int(digits[1]) if digits else 0
        return self.size * bits // 8


@dataclass(frozen=True)
class Instruction:
    """One line of a computation.

    Attributes:
        name: of the instruction.
        results: the arrays that it returns; several for a tuple.
        opcode: such as "fusion".
        operands: names of instructions of the same computation.
        attributes: all that follows, as text.
        root: whether the computation returns it.
    """

    name: str
    results: tuple[Array, ...]
    opcode: str
    operands: tuple[str, ...]
    attributes: str
    root: bool

    def called(self, *roles: str) -> list[str]:
        """Names of the computations that it calls.

        Args:
            *roles: such as "body" and "calls".

        Returns:
            The names, in the order of the text.
        """
        names = r"%?[\w.\-]+"
        pattern = rf"\b(?:{'|'.join(roles)})=(?:({names})|{{([^}}]*)}})"
        return [
            name.strip().lstrip("%")
            for single, several in re.findall(pattern, self.attributes)
            for name in (single or several).split(",")
            if name.strip()
        ]

    def attribute(self, name: str) -> str:
        """The value of an attribute.

        Args:
            name: such as "custom_call_target".

        Returns:
            Its text without quotation marks; empty if there is none.
        """
        found = re.search(rf'\b{name}=(?:"([^"]*)"|{{([^}}]*)}}|([^,\s]+))', self.attributes)
        return next((group for group in found.groups() if group is not None), "") if found else ""

    @property
    def trips(self) -> int | None:
        """How often the body of a loop runs; None where only its arguments decide."""
        found = re.search(r'"known_trip_count":\{"n":"(\d+)"', self.attributes)
        return int(found[1]) if found else None


@dataclass(frozen=True)
class Computation:
    """A function of the program.

    Attributes:
        name: of the computation.
        instructions: in the order of the text, which is that of the schedule.
    """

    name: str
    instructions: tuple[Instruction, ...]

    @cached_property
    def by_name(self) -> Mapping[str, Instruction]:
        """The instructions by name."""
        return {instruction.name: instruction for instruction in self.instructions}

    def operands(self, instruction: Instruction) -> list[Array]:
        """The arrays that an instruction reads.

        Args:
            instruction: of this computation.

        Returns:
            The arrays of its operands, those of tuples one by one.
        """
        return [array for name in instruction.operands for array in self.by_name[name].results]


@dataclass(frozen=True)
class Executed:
    """An instruction that does work each time its region runs.

    Attributes:
        computation: where it stands.
        instruction: the instruction.
        times: how often, because of loops with a known number of turns around it.
    """

    computation: Computation
    instruction: Instruction
    times: int


@dataclass(frozen=True)
class Program:
    """A compiled program.

    Attributes:
        computations: by name.
        entry: name of the one that is called.
    """

    computations: Mapping[str, Computation]
    entry: str

    @cached_property
    def step(self) -> list[Executed]:
        """What one train step of all replicas runs, with the loop's condition."""
        if not self._loops:
            return list(self._run(self.entry))
        called = self._loops[-1].called("condition", "body")
        return [each for name in called for each in self._run(name, self.turns)]

    @cached_property
    def outside(self) -> list[Executed]:
        """What runs once for each call of the program, before and after its train steps."""
        return list(self._run(self.entry, skip=self._loops[-1])) if self._loops else []

    @property
    def turns(self) -> int:
        """How often the loop over train steps itself is run: once for each replica where replicas take turns."""
        return prod(loop.trips or 1 for loop in self._loops[:-1])

    @cached_property
    def _loops(self) -> list[Instruction]:
        """The loop over train steps, the last one, whose number of turns is an argument, and those around it."""
        found: list[Instruction] = []
        inside = list(self._sequence(self.entry))
        while loops := [i for _, i in inside if i.opcode == "while"]:
            found.append(max(loops, key=self._length))
            if found[-1].trips is None:
                break
            inside = [pair for name in found[-1].called("body") for pair in self._sequence(name)]
        return found if found and found[-1].trips is None else []

    def _length(self, loop: Instruction) -> int:
        return sum(1 for name in loop.called("body") for _ in self._run(name))

    def _sequence(self, name: str) -> Iterator[tuple[Computation, Instruction]]:
        """The instructions of a computation, and of those that it calls without a loop."""
        computation = self.computations[name]
        for instruction in computation.instructions:
            yield computation, instruction
            for called in _straight_calls(instruction):
                yield from self._sequence(called)

    def _run(self, name: str, times: int = 1, skip: Instruction | None = None) -> Iterator[Executed]:
        for computation, instruction in self._sequence(name):
            if instruction is skip:
                continue
            if instruction.opcode == "while":
                for called in instruction.called("condition", "body"):
                    yield from self._run(called, times * (instruction.trips or 1), skip)
            elif _works(instruction):
                yield Executed(computation, instruction, times)


def _straight_calls(instruction: Instruction) -> list[str]:
    if instruction.opcode == "call":
        return instruction.called("to_apply")
    if instruction.opcode == "conditional":
        return instruction.called("branch_computations", "true_computation", "false_computation")
    return instruction.called("calls") if instruction.opcode == "async-start" else []


def _works(instruction: Instruction) -> bool:
    opcode = instruction.opcode
    if opcode in _NO_WORK or opcode in ("call", "conditional", "async-start"):
        return False
    return not opcode.endswith(("-done", "-update"))


def parse(text: str) -> Program:
    """Reads a compiled program.

    Args:
        text: of `jax.stages.Compiled.as_text`.

    Returns:
        Its computations.

    Raises:
        ValueError: the text has no entry computation.
    """
    computations: dict[str, Computation] = {}
    entry, name, instructions = "", "", list[Instruction]()
    for line in re.sub(r"/\*.*?\*/", "", text).splitlines():
        header = re.match(r"(ENTRY )?%?([\w.\-]+) \(.*\{\s*$", line)
        if header:
            name, instructions = header[2], []
            entry = name if header[1] else entry
        elif name and line.startswith("}"):
            computations[name] = Computation(name, tuple(instructions))
            name = ""
        elif name and " = " in line:
            instructions.append(_instruction(line))
    if not entry:
        raise ValueError("the compiled program's text has no ENTRY computation.")
    return Program(computations, entry)


def _instruction(line: str) -> Instruction:
    left, right = line.strip().split(" = ", 1)
    end = _end(right, " ")
    shape, rest = right[:end], right[end + 1 :]
    opcode, inner = rest.split("(", 1)
    close = _end(inner, ")")
    return Instruction(
        name=left.removeprefix("ROOT ").lstrip("%"),
        results=tuple(
            Array(dtype, tuple(int(size) for size in re.findall(r"\d+", dims)), "S(" in layout)
            for dtype, dims, layout in re.findall(r"([a-z]\w*)\[([\d,<=]*)\](\{[^}]*\})?", shape)
        ),
        opcode=opcode,
        operands=()
        if opcode in ("constant", "parameter")
        else tuple(re.findall(r"%([\w.\-]+)", inner[:close])),
        attributes=inner[close + 1 :],
        root=left.startswith("ROOT "),
    )


def _end(text: str, stop: str) -> int:
    """Where a character stands outside of all brackets."""
    open_brackets: list[str] = []
    for place, character in enumerate(text):
        if not open_brackets and character == stop:
            return place
        if character in _CLOSING:
            open_brackets.append(_CLOSING[character])
        elif open_brackets and character == open_brackets[-1]:
            open_brackets.pop()
    return len(text)
