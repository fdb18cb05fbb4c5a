"""Model families by name, for the description of a network in a run's config.json."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from jaxvae.models.aae import AAE
from jaxvae.models.classifier import Classifier
from jaxvae.models.conditional_vae import ConditionalVAE
from jaxvae.models.conv_vae import ConvVAE
from jaxvae.models.deep_conv_vae import DeepConvVAE
from jaxvae.models.dropout_vae import DropoutVAE
from jaxvae.models.hierarchical_vae import HierarchicalVAE
from jaxvae.models.layouts import layout
from jaxvae.models.network import Network
from jaxvae.models.pool_classifier import PoolClassifier
from jaxvae.models.residual_classifier import ResidualClassifier
from jaxvae.models.subspace_vae import SubspaceVAE
from jaxvae.models.vae import VAE
from jaxvae.models.vaegan import VAEGAN
from jaxvae.models.vlae import VLAE
from jaxvae.types import Model

FAMILIES: Mapping[str, type[Network]] = {
    "vae": VAE,
    "vlae": VLAE,
    "hierarchical_vae": HierarchicalVAE,
    "conv_vae": ConvVAE,
    "deep_conv_vae": DeepConvVAE,
    "dropout_vae": DropoutVAE,
    "conditional_vae": ConditionalVAE,
    "subspace_vae": SubspaceVAE,
    "aae": AAE,
    "vaegan": VAEGAN,
    "classifier": Classifier,
    "pool_classifier": PoolClassifier,
    "residual_classifier": ResidualClassifier,
}
"""Class of each family."""

_PLACEMENT = ("layout", "axis_name", "parent", "name")


def describe(model: Model) -> dict[str, Any]:
    """Describes a model by plain values that JSON can hold, from which `build` makes it again.

    Args:
        model: of one of the `FAMILIES`.

    Returns:
        {"family": name, argument: value, ...}, without what depends on the machine (layout, axis name).

    Raises:
        ValueError: the model belongs to no family.
    """
    for name, family in FAMILIES.items():
        if type(model) is family:
            return {"family": name} | {
                f.name: getattr(model, f.name) for f in fields(family) if f.name not in _PLACEMENT
            }
    raise ValueError(f"{type(model).__name__} is none of the families {', '.join(FAMILIES)}.")


def build(description: Mapping[str, Any], *, precision: str = "float32") -> Model:
    """Makes a model from its description, in this platform's default layout.

    Args:
        description: as `describe` returns it; lists may stand for tuples.
        precision: of matrix products, as `layout` takes it; for families that have a layout.

    Returns:
        The model.

    Raises:
        ValueError: unknown family, arguments that it does not take, or values that it rejects.
    """
    arguments: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in description.items()}
    name = arguments.pop("family", None)
    if name not in FAMILIES:
        raise ValueError(f"model family must be one of {', '.join(FAMILIES)}, got {name!r}.")
    family = FAMILIES[name]
    if any(f.name == "layout" for f in fields(family)):
        arguments["layout"] = layout(precision=precision)
    try:
        return family(**arguments)
    except TypeError as error:
        raise ValueError(f"these are not the arguments of {name}: {error}.") from None
