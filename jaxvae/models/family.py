"""Model families by name, so that a run's config.json can say which network it trained."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from flax import linen as nn

from jaxvae.models.aae import AAE
from jaxvae.models.classifier import Classifier
from jaxvae.models.conditional_vae import ConditionalVAE
from jaxvae.models.conv_vae import ConvVAE
from jaxvae.models.deep_conv_vae import DeepConvVAE
from jaxvae.models.dropout_vae import DropoutVAE
from jaxvae.models.layouts import layout
from jaxvae.models.pool_classifier import PoolClassifier
from jaxvae.models.subspace_vae import SubspaceVAE
from jaxvae.models.vae import VAE
from jaxvae.models.vaegan import VAEGAN
from jaxvae.models.vlae import VLAE

FAMILIES: Mapping[str, type[nn.Module]] = {
    "vae": VAE,
    "vlae": VLAE,
    "conv_vae": ConvVAE,
    "deep_conv_vae": DeepConvVAE,
    "dropout_vae": DropoutVAE,
    "conditional_vae": ConditionalVAE,
    "subspace_vae": SubspaceVAE,
    "aae": AAE,
    "vaegan": VAEGAN,
    "classifier": Classifier,
    "pool_classifier": PoolClassifier,
}
"""Module class of each family."""

_PLACEMENT = ("layout", "axis_name", "parent", "name")


def describe(model: nn.Module) -> dict[str, Any]:
    """What `build` needs to make a model again: plain values that JSON can hold.

    Args:
        model: a module of one of the `FAMILIES`.

    Returns:
        {"family": name, argument: value, ...}, without what depends on the machine (layout, axis name).

    Raises:
        ValueError: the module belongs to no family.
    """
    for family, kind in FAMILIES.items():
        if type(model) is kind:
            return {"family": family} | {
                f.name: getattr(model, f.name) for f in fields(kind) if f.name not in _PLACEMENT
            }
    raise ValueError(f"{type(model).__name__} is none of the families {', '.join(FAMILIES)}.")


def build(description: Mapping[str, Any], *, precision: str = "float32") -> Any:
    """Makes a model from its description, in the layout that this machine likes.

    Args:
        description: as `describe` returns it, lists in place of tuples allowed.
        precision: of matrix products, as `layout` takes it; for families that have a layout.

    Returns:
        The Flax module.

    Raises:
        ValueError: unknown family, or arguments that it does not take or that do not fit.
    """
    arguments = dict(description)
    family = arguments.pop("family", None)
    if family not in FAMILIES:
        raise ValueError(f"model family must be one of {', '.join(FAMILIES)}, got {family!r}.")
    kind = FAMILIES[family]
    if any(f.name == "layout" for f in fields(kind)):
        arguments["layout"] = layout(precision=precision)
    try:
        return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in arguments.items()})
    except TypeError as error:
        raise ValueError(f"these are not the arguments of {family}: {error}.") from None
