"""Calls the public functions of losses and evaluate with arrays of unequal shape, and with what are no images.

Their annotations say which shapes must match: axes of the same name have the same length. Run as a script, without the
hook that checks annotations in tests, this prints the result of each call as JSON.
"""

import inspect
import json
import sys
import types
import typing
from collections.abc import Sequence
from dataclasses import fields, is_dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxvae import evaluate, losses
from jaxvae.types import AdversarialOutput

SIZES = {"h": 12, "w": 12, "n": 4, "_": 4}
"""Lengths of axes by name; all others have 3."""

ARGUMENTS = {
    "kernel": jnp.dot,
    "x_kernel": jnp.dot,
    "y_kernel": jnp.dot,
    "prior": types.SimpleNamespace(log_prob=lambda z: jnp.sum(z, axis=1)),
    "log_scale": 0.0,
    "classes": 2,
    "size": 5,
}
"""Values of required arguments that are not arrays."""

EXEMPT = {"evaluate.mean_variance": "uses only the mean", "evaluate.active_units": "uses only the mean"}
"""Functions that need no check although their arguments have an axis in common, and the reason."""

ANY_NUMBERS = {"evaluate.resize_bilinear", "evaluate.resize_clean"}
"""Functions of images that give the right result for bytes too."""


def feature_likelihood(real: Float[Array, "n d"], fake: Float[Array, "n d"]) -> Float[Array, " n"]:
    """The term of that name, of an output with these features."""
    output = AdversarialOutput(
        None,
        (),
        (),
        real=None,
        fakes=(),
        real_logits=None,
        fake_logits=(),
        real_features=real,
        fake_features=fake,
    )
    return losses.feature_likelihood()(None, output, None)


def functions():
    """Public functions of both packages, by name."""
    yield "losses.rbf()", losses.rbf(1.0).__call__
    yield "losses.feature_likelihood()", feature_likelihood
    for room in (losses, evaluate):
        for name in room.__all__:
            value = getattr(room, name)
            if inspect.isfunction(value):
                yield f"{room.__name__.split('.')[-1]}.{name}", value


def slots(annotation, path=()):
    """Arrays in an argument, `(path, array type)`: the argument itself, an element of it, or a field of a record."""
    origin = typing.get_origin(annotation)
    if hasattr(annotation, "dim_str"):
        yield path, annotation
    elif origin in (typing.Union, types.UnionType):
        # Float[Array | np.ndarray, "n d"] is a union too, of types with the same axes.
        parts = [list(slots(part, path)) for part in typing.get_args(annotation)]
        yield from next(filter(None, parts), [])
    elif origin is Sequence:
        yield from slots(typing.get_args(annotation)[0], (*path, 0))
    elif is_dataclass(annotation) and annotation.__module__ == "jaxvae.types":
        for field in fields(annotation):
            yield from slots(field.type, (*path, field.name))


def axes(array):
    """Names of an array's axes; "#" marks an axis that may have length 1."""
    return array.dim_str.split()


def arrays(function):
    """Types of all arrays in a function's arguments, by `(argument, *path)`."""
    return {
        (name, *path): array
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.annotation is not inspect.Parameter.empty
        for path, array in slots(parameter.annotation)
    }


def cases(function):
    """Changes `(slot, axis, length)` after which two arrays differ in an axis that they have in common."""
    named = [(slot, axis) for slot, array in arrays(function).items() for axis in axes(array)]
    named = [(slot, axis) for slot, axis in named if axis.lstrip("#").isidentifier() and axis != "_"]
    names = [axis.lstrip("#") for _, axis in named]
    for slot, axis in named:
        if names.count(axis.lstrip("#")) > 1:
            yield slot, axis, 2 if axis.startswith("#") else 1


def shape(array, changes):
    """Shape of an array; "..." becomes one axis."""
    return tuple(changes.get(name, SIZES.get(name.lstrip("#"), 3)) for name in axes(array))


def value(array, changes):
    kinds = {"bool": np.bool_, "int": np.int32, "float": np.float32}
    kind = next(kinds[k] for k in kinds if any(str(d).startswith(k) for d in array.dtypes))
    size = shape(array, changes)
    return jnp.asarray(np.arange(np.prod(size)).reshape(size) % 2, kind)


def assemble(annotation, values):
    """Builds an argument from the arrays in it, by path."""
    if () in values:
        return values[()]
    head = {path[0] for path in values}
    if head == {0}:
        return [assemble(None, {path[1:]: x for path, x in values.items()})]
    return annotation(**{key: values[(key,)] for key in head})


def prepared(function, change=None, *, convert=lambda x: x):
    """A function of arrays alone, and converted arrays of matching shapes but for a change `(slot, axis, length)`."""
    by_argument = {}
    for slot, array in arrays(function).items():
        changes = {change[1]: change[2]} if change and slot == change[0] else {}
        by_argument.setdefault(slot[0], {})[slot[1:]] = convert(value(array, changes))
    signature = inspect.signature(function).parameters
    dynamic = {name: assemble(signature[name].annotation, values) for name, values in by_argument.items()}
    static = {
        name: ARGUMENTS[name]
        for name, p in signature.items()
        if name not in dynamic and p.default is inspect.Parameter.empty
    }

    def run(dynamic):
        return function(**dynamic, **static)

    return run, dynamic


def call(function, change=None, *, trace=False, convert=lambda x: x):
    """Calls a function with what `prepared` makes for it."""
    run, dynamic = prepared(function, change, convert=convert)
    return jax.eval_shape(run, dynamic) if trace else run(dynamic)


def label(change):
    slot, axis, length = change
    return f"{'.'.join(map(str, slot))}[{axis}={length}]"


def pairwise():
    """Functions with arrays that have an axis in common, by name."""
    return {name: f for name, f in functions() if name not in EXEMPT and any(cases(f))}


def of_images():
    """Functions of nothing but floating-point images, by name."""
    found = {}
    for name, function in functions():
        annotations = [
            str(parameter.annotation) for parameter in inspect.signature(function).parameters.values()
        ]
        of_images = {array.dim_str for array in arrays(function).values() if array.dim_str} == {"n h w c"}
        if of_images and "UInt8" not in "".join(annotations) and name not in ANY_NUMBERS:
            found[name] = function
    return found


def outcome(function, change=None, **options):
    """Type and message of the error that a call raises; empty if it returns."""
    try:
        call(function, change, **options)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def outcomes(function):
    """Outcomes by change, eager and traced; "equal" without a change, only traced where JAX can."""
    traceable = "ndarray" not in str(inspect.signature(function))
    results = {"equal": outcome(function, trace=traceable)}
    for change in cases(function):
        results[label(change)] = outcome(function, change)
        if traceable:
            results[f"{label(change)}, traced"] = outcome(function, change, trace=True)
    return results


def outcomes_of_images(function):
    """Outcomes with images of bytes, and without their axis of channels."""
    return {
        "bytes": outcome(function, convert=lambda x: x if x.ndim == 0 else x.astype(jnp.uint8)),
        "no channels": outcome(function, convert=lambda x: x if x.ndim == 0 else x[..., 0]),
    }


if __name__ == "__main__":
    unequal = {name: outcomes(function) for name, function in pairwise().items()}
    images = {name: outcomes_of_images(function) for name, function in of_images().items()}
    json.dump({"unequal": unequal, "images": images}, sys.stdout)
