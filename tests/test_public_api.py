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
    """Public functions, classes and their methods, by full name."""
    found = {}
    for module in map(importlib.import_module, MODULES):
        for value in (getattr(module, name) for name in public_names(module)):
            if inspect.isclass(value) and value.__module__.startswith("jaxvae"):
                found[f"{value.__module__}.{value.__qualname__}"] = value
                found |= {f"{value.__module__}.{m.__qualname__}": m for m in methods(value)}
            elif inspect.isfunction(value):
                found[f"{value.__module__}.{value.__qualname__}"] = value
    return found


def methods(cls):
    """Functions that a class writes out for its users."""
    for name, value in vars(cls).items():
        function = value.fget if isinstance(value, property) else value
        written = inspect.isfunction(function) and f"def {name}(" in source(cls)
        if written and (name == "__call__" or not name.startswith("_")) and name != "setup":
            yield function


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


def function_complaints(function):
    doc, signature = function.__doc__ or "", inspect.signature(function)
    if not doc.strip():
        return ["has no docstring"]
    parameters = {name: p.annotation for name, p in signature.parameters.items() if name != "self"}
    found = []
    for name, annotation in parameters.items():
        if not described(name, section(doc, "Args")):
            found.append(f"does not describe {name}")
        if annotation is inspect.Parameter.empty:
            found.append(f"does not annotate {name}")
        if has_bare_array(annotation):
            found.append(f"gives {name} no shape")
    returned, results = signature.return_annotation, section(doc, "Returns")
    if returned is inspect.Signature.empty:
        found.append("does not annotate what it returns")
    if has_bare_array(returned):
        found.append("gives what it returns no shape")
    # Without arguments, the first line can say it all: "Steps with a complete checkpoint, oldest first."
    if parameters and returned not in (None, typing.NoReturn) and not results:
        found.append("does not say what it returns")
    said = section(doc, "Raises") + results
    return found + [
        f"does not say that it raises {error}" for error in set(raised(function)) if error not in said
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


def complaints(value):
    return class_complaints(value) if inspect.isclass(value) else function_complaints(value)


OBJECTS = public_objects()


@pytest.mark.parametrize("name", OBJECTS)
def test_public_object_is_documented(name):
    assert complaints(OBJECTS[name]) == []


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
        "jaxvae.models.vlae.VLAE.decode",
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
