"""Every public name is documented: arguments, results and errors in its docstring, jaxtyping on its arrays."""

import ast
import dataclasses
import importlib
import inspect
import pkgutil
import re
import textwrap
import typing
from collections.abc import Callable

import jax
import numpy as np
import pytest
from jaxtyping import Array, Float
from typing_extensions import override

import jaxvae

MODULES = [
    "jaxvae",
    *(f"jaxvae.{m.name}" for m in pkgutil.iter_modules(jaxvae.__path__) if m.name != "__main__"),
]


def public_names(module):
    """Those of `__all__`, or where there is none those that the module itself defines."""
    defined = [n for n, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]
    return [name for name in getattr(module, "__all__", defined) if not name.startswith("_")]


def public_objects():
    """Public functions, classes and their methods, by full name, each with the docstrings that it overrides."""
    objects = {}
    for module in map(importlib.import_module, MODULES):
        for value in (getattr(module, name) for name in public_names(module)):
            if inspect.isclass(value) and value.__module__.startswith("jaxvae"):
                objects[f"{value.__module__}.{value.__qualname__}"] = value, ()
                for method, inherited in methods(value):
                    objects[f"{value.__module__}.{method.__qualname__}"] = method, inherited
            elif inspect.isfunction(value):
                objects[f"{value.__module__}.{value.__qualname__}"] = value, ()
    return objects


def methods(cls):
    """Functions that a class defines for its users, each with the docstrings that it overrides, nearest first."""
    for name, value in vars(cls).items():
        function = function_of(value)
        written = inspect.isfunction(function) and f"def {name}(" in source(cls)
        if written and (name == "__call__" or not name.startswith("_")) and name != "setup":
            yield function, tuple(overridden_docs(cls, name)) if hasattr(function, "__override__") else ()


def function_of(value):
    """The function of a method or of a property, which Flax wraps in a descriptor of its own."""
    value = getattr(value, "wrapped", value)
    return value.fget if isinstance(value, property) else value


def overridden_docs(cls, name):
    for base in cls.__mro__[1:]:
        doc = getattr(function_of(vars(base).get(name)), "__doc__", None)
        if doc and base.__module__.partition(".")[0] == cls.__module__.partition(".")[0]:
            yield doc


def source(value):
    return textwrap.dedent(inspect.getsource(inspect.unwrap(value)))


def section(doc, title):
    """Text of a Google-style section; empty if there is none."""
    found = re.search(rf"^{title}:\n((?:[ ]+.*\n|\n)*)", f"{inspect.cleandoc(doc or '')}\n", re.MULTILINE)
    return found[1] if found else ""


def described(name, text):
    return re.search(rf"^ +\*{{0,2}}{name}: ", text, re.MULTILINE) is not None


def has_bare_array(annotation):
    """Whether arrays without shapes are part of an annotation."""
    if annotation in (jax.Array, np.ndarray):
        return True
    if typing.get_origin(annotation) is Callable:
        return False
    return any(has_bare_array(part) for part in typing.get_args(annotation))


def raised(function):
    """Names of the exceptions that a function makes, or one defined within it."""
    for node in ast.walk(ast.parse(source(function))):
        if (
            isinstance(node, ast.Raise)
            and isinstance(node.exc, ast.Call)
            and isinstance(node.exc.func, ast.Name)
        ):
            yield node.exc.func.id


def function_complaints(function, inherited=()):
    """What is missing in a function's docstring and in those that it inherits by overriding."""
    docs = [doc for doc in (function.__doc__, *inherited) if doc and doc.strip()]
    if not docs:
        return ["has no docstring"]
    signature = inspect.signature(function)
    arguments, results, errors = (
        "".join(section(doc, s) for doc in docs) for s in ("Args", "Returns", "Raises")
    )
    parameters = {name: p.annotation for name, p in signature.parameters.items() if name != "self"}
    missing = []
    for name, annotation in parameters.items():
        if not described(name, arguments):
            missing.append(f"does not describe {name}")
        if annotation is inspect.Parameter.empty:
            missing.append(f"does not annotate {name}")
        if has_bare_array(annotation):
            missing.append(f"gives {name} no shape")
    returned = signature.return_annotation
    if returned is inspect.Signature.empty:
        missing.append("does not annotate what it returns")
    if has_bare_array(returned):
        missing.append("gives what it returns no shape")
    # Without arguments, the first line can say it all: "Steps with a complete checkpoint, oldest first."
    if parameters and returned not in (None, typing.NoReturn) and not results:
        missing.append("does not say what it returns")
    return missing + [
        f"does not say that it raises {error}"
        for error in set(raised(function))
        if error not in errors + results
    ]


def class_complaints(cls):
    doc = vars(cls).get("__doc__") or ""
    if not doc.strip() or doc.startswith(f"{cls.__name__}("):  # what a dataclass writes itself
        return ["has no docstring"]
    described_at = section(doc, "Attributes")
    if issubclass(cls, Exception) or getattr(cls, "_is_protocol", False):
        names = []
    elif dataclasses.is_dataclass(cls) or typing.is_typeddict(cls):
        written = re.findall(r"^    ([a-z]\w*): ", source(cls), re.MULTILINE)
        names = [name for name in written if name in inspect.get_annotations(cls)]
    else:
        names = list(inspect.signature(cls).parameters)
        described_at += section(doc, "Args")
    in_place = [n for n in names if re.search(rf'^    {n}: .*\n    """', source(cls), re.MULTILINE)]
    return [f"does not describe {n}" for n in names if n not in in_place and not described(n, described_at)]


def complaints(value, inherited=()):
    return class_complaints(value) if inspect.isclass(value) else function_complaints(value, inherited)


OBJECTS = public_objects()


@pytest.mark.parametrize("name", OBJECTS)
def test_public_object_is_documented(name):
    assert complaints(*OBJECTS[name]) == []


@pytest.mark.parametrize("name", MODULES)
def test_exports_resolve_and_are_in_order(name):
    module = importlib.import_module(name)
    names = getattr(module, "__all__", [])
    assert [n for n in names if not hasattr(module, n)] == []
    assert len(set(names)) == len(names)
    assert module.__doc__


def test_the_walk_sees_functions_classes_and_methods():
    expected = {
        "jaxvae.losses.mmd.mmd2",
        "jaxvae.models.vlae.VLAE",
        "jaxvae.models.autoencoder.Autoencoder.decode",
        "jaxvae.models.network.Network.label_field",
        "jaxvae.models.vaegan.VAEGAN.label_field",
        "jaxvae.models.priors.Normal.log_prob",
        "jaxvae.train.state.TrainState.variables",
        "jaxvae.train.trainer.run",
        "jaxvae.loading.load",
        "jaxvae.types.Batch",
    }
    assert expected <= set(OBJECTS)


def undocumented(x):
    return x


def no_arguments_described(x: Float[Array, " n"]) -> Float[Array, " n"]:
    """Doubles.

    Returns:
        Twice x.
    """
    return 2 * x


def no_result_described(x: Float[Array, " n"]) -> Float[Array, " n"]:
    """Doubles.

    Args:
        x: number.
    """
    return 2 * x


def no_shapes(x: Array, y: dict[str, np.ndarray]) -> tuple[Array, int]:
    """Adds.

    Args:
        x: number.
        y: numbers.

    Returns:
        Sum.
    """
    return x + y["x"], 1


def no_annotations(x, y=2):
    """Adds.

    Args:
        x: number.
        y: number.

    Returns:
        Sum.
    """
    return x + y


def no_error_described(x: int) -> None:
    """Refuses.

    Args:
        x: number.
    """
    raise ValueError(f"{x} is refused.")


class NoDocstring:
    def __init__(self, x: int) -> None:
        self.x = x


@dataclasses.dataclass
class FieldNotDescribed:
    """Two numbers.

    Attributes:
        x: the first.
    """

    x: int
    y: int


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (undocumented, ["has no docstring"]),
        (no_arguments_described, ["does not describe x"]),
        (no_result_described, ["does not say what it returns"]),
        (no_shapes, ["gives x no shape", "gives y no shape", "gives what it returns no shape"]),
        (no_annotations, ["does not annotate x", "does not annotate y", "does not annotate what it returns"]),
        (no_error_described, ["does not say that it raises ValueError"]),
        (NoDocstring, ["has no docstring"]),
        (FieldNotDescribed, ["does not describe y"]),
    ],
)
def test_what_is_missing_is_found(value, expected):
    assert complaints(value) == expected


class Documented:
    def double(self, x: int) -> int:
        """Doubles.

        Args:
            x: number.

        Returns:
            Twice x.
        """
        return 2 * x

    @property
    def name(self) -> str:
        """Name of the operation."""
        return "double"

    def undocumented(self, x: int) -> int:
        return x


class Overrides(Documented):
    @override
    def double(self, x: int) -> int:
        return x + x

    @property
    @override
    def name(self) -> str:
        return "add"

    @override
    def undocumented(self, x: int) -> int:
        return x


class OverridesMore(Overrides):
    @override
    def double(self, x: int, y: int = 0) -> int:
        """Doubles, with y on top."""
        if y < 0:
            raise ValueError(f"y must be at least 0, got {y}.")
        return x + x + y


class SaysNotThatItOverrides(Documented):
    def double(self, x: int) -> int:
        return x + x


@pytest.mark.parametrize(
    ("cls", "expected"),
    [
        (Overrides, {"double": [], "name": [], "undocumented": ["has no docstring"]}),
        (OverridesMore, {"double": ["does not describe y", "does not say that it raises ValueError"]}),
        (SaysNotThatItOverrides, {"double": ["has no docstring"]}),
    ],
)
def test_an_override_inherits_what_is_documented_above_it(cls, expected):
    assert {m.__name__: complaints(m, inherited) for m, inherited in methods(cls)} == expected
