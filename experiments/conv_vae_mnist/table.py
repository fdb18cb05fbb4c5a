"""The twelve cases of the report's section 2.9, each by what sets it apart from the base."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

BEST = "5-D, more layers"
"""The case that the report ends on as its best."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """What sets a case apart from the base, whose values are the flags of the same names.

    Attributes:
        fields: new values of the base's fields.
        more: what is added to the base's values.
        times: what the base's values are multiplied by.
        note: how the report is read where it is vague.
    """

    fields: Mapping[str, Any] = field(default_factory=dict)
    more: Mapping[str, int] = field(default_factory=dict)
    times: Mapping[str, int] = field(default_factory=dict)
    note: str = ""


_MORE_LAYERS = {"layers": 1}
_DROPOUT = 0.2
_SGD_RATE = 1e-3
"""Learning rate / (1 - momentum), the size of SGD's steps in the long run, in both of its cases."""

CASES: Mapping[str, Change] = {
    "base": Change(
        note="Two convolutions, 2-D, Adam at 1e-3 with its usual momentum of 0.9, unless flags say otherwise."
    ),
    "more layers": Change(
        more=_MORE_LAYERS, note="One more convolution on both sides; the report gives no number."
    ),
    "lr 1e-2": Change(fields={"learning_rate": 1e-2}, note="Adam, as the base."),
    "lr 1e-4": Change(fields={"learning_rate": 1e-4}, note="Adam, as the base."),
    "momentum 0.9": Change(
        fields={"optimizer": "sgd", "momentum": 0.9, "learning_rate": 0.1 * _SGD_RATE},
        note="Gradient descent with the report's gamma, at a learning rate of 1e-4: the loss is a sum over pixels, and "
        "its gradients are large.",
    ),
    "momentum 0.99": Change(
        fields={"optimizer": "sgd", "momentum": 0.99, "learning_rate": 0.01 * _SGD_RATE},
        note="Stands for the report's other value, 1, at which the velocity would never decay (and Adam's first moment "
        "never leave 0). At a learning rate of 1e-5, so that steps are as large in the long run as at 0.9.",
    ),
    "dropout in encoder": Change(
        fields={"encoder_dropout": _DROPOUT}, note=f"Rate {_DROPOUT:g}; the report gives none."
    ),
    "dropout in both": Change(
        fields={"encoder_dropout": _DROPOUT, "decoder_dropout": _DROPOUT},
        note=f"Rate {_DROPOUT:g}, after every ReLU.",
    ),
    "dropout in both, more epochs": Change(
        fields={"encoder_dropout": _DROPOUT, "decoder_dropout": _DROPOUT},
        times={"epochs": 2},
        note="Twice as many; the report gives no number.",
    ),
    "more layers, lr 1e-4": Change(
        fields={"learning_rate": 1e-4},
        more=_MORE_LAYERS,
        note="The report does not say how much lower its rate was.",
    ),
    "5-D": Change(fields={"latent_size": 5}, note="As many layers as the base."),
    BEST: Change(fields={"latent_size": 5}, more=_MORE_LAYERS, note="The report's best: 1e-3, no dropout."),
}
"""By name, in the report's order."""
