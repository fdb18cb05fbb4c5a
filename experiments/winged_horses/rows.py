"""The rows of the tables: what sets each model apart, in its loss or in its network."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MAIN = "SSIM + colour"
"""What the report ends on, its equation 5."""

EXTRA_TERMS = ("ms_ssim", "deep_features", "vgg")
"""Terms that a loss can have besides; each is computed only where it is used."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """What sets a model apart from the one of equation 5.

    Attributes:
        terms: of its reconstruction loss, besides those that the flags add.
        network: changed arguments of its network.
        kl: how its KL divergence is computed; as the flag says if None.
        deep_features: where the gradient of that term goes; as the flag says if None.
        note: what a reader has to know.
    """

    terms: tuple[str, ...] = ("ssim", "colour")
    network: Mapping[str, Any] = field(default_factory=dict)
    kl: str | None = None
    deep_features: str | None = None
    note: str = ""


ROWS: Mapping[str, Row] = {
    "MSE": Row(terms=("mse",), note="The baseline: squared error alone."),
    "SSIM": Row(terms=("ssim",), note="What the report found to drift towards sepia."),
    MAIN: Row(note="The report's equation 5."),
    "Monte Carlo KL": Row(kl="monte_carlo", note="Equation 4 in place of the closed form."),
    "MS-SSIM": Row(terms=("ssim", "colour", "ms_ssim"), note="With multi-scale SSIM besides."),
    "deep features": Row(
        terms=("ssim", "colour", "deep_features"),
        deep_features="through",
        note="Section 3.3: with the encoder's own features besides.",
    ),
    "deep features, stopped": Row(
        terms=("ssim", "colour", "deep_features"),
        deep_features="stopped",
        note="The same without gradient to the encoder that compares.",
    ),
    "VGG": Row(terms=("ssim", "colour", "vgg"), note="With features of VGG16 besides."),
    "pooling": Row(
        network={"resampling": "pool"}, note="Section 3.1: max pooling down, nearest neighbours up."
    ),
    "residual": Row(
        network={"residual": True}, note="Section 3.1: a residual block behind every convolution."
    ),
    "convolutional latent": Row(
        network={"latent": "conv"}, note="Section 3.1: 1x1 convolutions in place of the dense layers."
    ),
    "kernel 3": Row(network={"kernel": 3}, note="Section 3.1: a kernel that the stride does not divide."),
}

COMPARED = ("MSE", "SSIM", MAIN)
"""What is compared by default, the dreamer last."""

ABLATION = (MAIN, *(name for name in ROWS if name not in (*COMPARED, "VGG")))
"""What the preset of that name compares: all that needs no further weights."""
