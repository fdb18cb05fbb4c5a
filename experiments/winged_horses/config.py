"""What is compared, and the flags of the experiment."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from jaxvae import cli, models, study

MAIN = "SSIM + colour"
"""What the report ends on, its equation 5."""

COMMON_TERMS = ("squared_error", "ssim_loss", "colour_loss")
"""Terms that are computed in every variant, if only to be looked at; they cost little."""

EXTRA_TERMS = ("ms_ssim_loss", "deep_features", "vgg")
"""Terms that a loss can have besides; each is computed only where it is used."""

TERMS = {"ms_ssim": "ms_ssim_loss", "deep_features": "deep_features", "vgg": "vgg"}
"""The same by the names that the flag `also` has for them."""


@dataclass(frozen=True, kw_only=True)
class Variant(study.Variant):
    """What sets a model apart from the one of equation 5.

    Attributes:
        terms: of its reconstruction loss, besides those that the flags add.
        network: changed arguments of its network.
        kl: how its KL divergence is computed; as the flag says if None.
        deep_features: where the gradient of that term goes; as the flag says if None.
        learning_rate: of its own, constant; as the flag says, and falling, if None.
        pictures: the training images that it sees: "all", those of the "pair" of classes, or a "tenth" of these.
    """

    terms: tuple[str, ...] = ("ssim_loss", "colour_loss")
    network: Mapping[str, Any] = field(default_factory=dict)
    kl: str | None = None
    deep_features: str | None = None
    learning_rate: float | None = None
    pictures: Literal["all", "pair", "tenth"] = "all"
    before: str = MAIN

    @property
    def program(self) -> str:
        """Variants that do the same work at each step share a program."""
        network = [f"{name}-{value}" for name, value in self.network.items()]
        extras = [term for term in EXTRA_TERMS if term in self.terms]
        gradient = [str(self.deep_features)] if "deep_features" in self.terms else []
        rates = [] if self.learning_rate is None else ["rates"]
        pictures = [] if self.pictures == "all" else [self.pictures]
        return "_".join(["models", str(self.kl), *network, *extras, *gradient, *rates, *pictures])


RATES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
"""Learning rates at which squared error and structural similarity are compared."""

LATENT_SIZES = (32, 64, 128, 256)
"""Sizes of the code that are compared."""


VARIANTS: Mapping[str, Variant] = {
    "MSE": Variant(terms=("squared_error",), note="The baseline: squared error alone."),
    "SSIM": Variant(
        terms=("ssim_loss",),
        before="MSE",
        change="SSIM in place of squared error",
        note="What the report found to drift towards sepia.",
    ),
    MAIN: Variant(before="SSIM", change="The colour loss", note="The report's equation 5."),
    "Monte Carlo KL": Variant(
        kl="monte_carlo",
        change="Equation 4 in place of the closed form",
        note="Equation 4 in place of the closed form.",
    ),
    "MS-SSIM": Variant(
        terms=("ssim_loss", "colour_loss", "ms_ssim_loss"),
        change="With multi-scale SSIM besides",
        note="With multi-scale SSIM besides.",
    ),
    "deep features": Variant(
        terms=("ssim_loss", "colour_loss", "deep_features"),
        deep_features="through",
        change="Section 3.3: with the encoder's own features besides",
        note="Section 3.3: with the encoder's own features besides.",
    ),
    "deep features, stopped": Variant(
        terms=("ssim_loss", "colour_loss", "deep_features"),
        deep_features="stopped",
        change="The same without gradient to the encoder that compares",
        note="The same without gradient to the encoder that compares.",
    ),
    "VGG": Variant(
        terms=("ssim_loss", "colour_loss", "vgg"),
        change="With features of VGG16 besides",
        note="With features of VGG16 besides.",
    ),
    "pooling": Variant(
        network={"resampling": "pool"},
        change="Section 3.1: max pooling down, nearest neighbours up",
        note="Section 3.1: max pooling down, nearest neighbours up.",
    ),
    "residual": Variant(
        network={"residual": True},
        change="Section 3.1: a residual block behind every convolution",
        note="Section 3.1: a residual block behind every convolution.",
    ),
    "convolutional latent": Variant(
        network={"latent": "conv"},
        change="Section 3.1: 1x1 convolutions in place of the dense layers",
        note="Section 3.1: 1x1 convolutions in place of the dense layers.",
    ),
    "kernel 3": Variant(
        network={"kernel": 3},
        change="Section 3.1: a kernel that the stride does not divide",
        note="Section 3.1: a kernel that the stride does not divide.",
    ),
    **{
        f"latent {size}": Variant(
            network={"latent_size": size}, before="", note=f"A code of {size} dimensions."
        )
        for size in LATENT_SIZES
    },
    "all classes": Variant(note="Trained on the images of every class."),
    "two classes": Variant(
        pictures="pair",
        before="all classes",
        change="Section 3.2: the images of two classes alone",
        note="Trained on the images of two classes, with as many updates.",
    ),
    "a tenth of two classes": Variant(
        pictures="tenth",
        before="two classes",
        change="A tenth of these",
        note="Trained on a tenth of these, with as many updates.",
    ),
    **{
        f"{loss}, rate {rate:g}": Variant(
            terms=terms, learning_rate=rate, before="", note=f"{loss} alone, at a constant learning rate."
        )
        for loss, terms in {"MSE": ("squared_error",), "SSIM": ("ssim_loss",)}.items()
        for rate in RATES
    },
}

COMPARED = ("MSE", "SSIM", MAIN)
"""What is compared by default, the dreamer last."""

ABLATION = (
    MAIN,
    "Monte Carlo KL",
    "MS-SSIM",
    "deep features",
    "deep features, stopped",
    "pooling",
    "residual",
    "convolutional latent",
    "kernel 3",
)
"""What the preset of that name compares: all that needs no further weights."""

OVERFITTING = tuple(name for name, variant in VARIANTS.items() if variant.pictures != "all")
"""Variants that see the pair's images alone; where one is trained, all are measured on the pair's."""

STABILITY = tuple(name for name, variant in VARIANTS.items() if variant.learning_rate is not None)
"""What the preset of that name compares."""

LARGE = 64
"""Side from which on images get the report's network for STL-10, and that for CIFAR-10 below."""


@dataclass(frozen=True, kw_only=True)
class Config(cli.SamplesConfig):
    """Flags of this experiment; those of network and loss hold for every variant, except for what its name says."""

    workdir: Path = Path("runs/winged_horses")
    """Directory for everything that the run leaves."""

    preset: str = "full"
    """Defaults to start from: "full" reproduces the report; on a part of CIFAR-10, "ablation" compares the alternatives
    that it tried, "latent" sizes of the code and "stability" learning rates; "overfitting" compares two classes with
    all, "vgg" adds VGG16's features; "smoke" shows in a minute and on drawn pictures that all works."""

    data: str = "stl10"
    """Data set: stl10 (labelled and unlabelled), cifar10, celeb_a, drawn, ..., or folder:PATH for your own pictures."""

    variants: tuple[str, ...] = COMPARED
    """What to train, by name. The last one dreams of winged horses."""

    epochs: int = 20
    """Passes over the training data."""

    learning_rate: float = 1e-3
    """Adam's step size at the start, which falls to 0 along a half cosine."""

    flip: bool = True
    """Mirror each training image with probability 1/2, anew in each epoch."""

    latent_size: int | None = None
    """Dimensions of the code; 1024 for images of at least 64 x 64 pixels and 128 for smaller ones if not given."""

    widths: tuple[int, ...] | None = None
    """Channels of the encoder's convolutions; 32 64 128 256 for images of at least 64 x 64 pixels, else 32 64 128."""

    kernel: int = 4
    """Height and width of the convolutions' kernels."""

    resampling: Literal["stride", "pool"] = "stride"
    """How images are halved and doubled: by strides, or by max pooling and nearest neighbours."""

    residual: bool = False
    """Put a residual block behind every convolution."""

    latent: Literal["dense", "conv"] = "dense"
    """What connects the code with the convolutions: dense layers, or 1x1 convolutions, whose code is a map."""

    kl: Literal["closed_form", "monte_carlo"] = "closed_form"
    """How the KL divergence is computed in training: exactly, or from the drawn code as the report's equation 4."""

    also: tuple[Literal["ms_ssim", "deep_features", "vgg"], ...] = ()
    """Terms that the loss of every variant has besides: multi-scale SSIM; the encoder's own features; VGG16's features,
    which need the extra "lpips"."""

    deep_features: Literal["through", "stopped"] = "through"
    """Whether the gradient of the term of that name reaches the encoder through both of its uses, or the encoder is
    held constant where it looks at the reconstruction."""

    beta: float = 1.0
    """Weight of the KL divergence."""

    mse_weight: float = 20.0
    """Weight of the squared error, which is a sum over pixels and channels, in the variant "MSE"."""

    ssim_weight: float = 0.5
    """Weight of 1 - SSIM for each pixel and channel: at 32 x 32, where there are 3072, 0.5 makes 1536."""

    colour_weight: float = 25.0
    """Weight of the colour loss for each pixel and channel."""

    ms_ssim_weight: float = 0.5
    """Weight of 1 - MS-SSIM for each pixel and channel, where it is used."""

    deep_features_weight: float = 0.3
    """Weight of the error of the encoder's features for each pixel and channel, where it is used."""

    vgg_weight: float = 1e-4
    """Weight of the squared distance of VGG16's features, which is a sum over them, where it is used."""

    samples: int = cli.free(1500)
    """Images drawn from each model for distances of sets, against as many real ones, if there are."""

    samplers: tuple[Literal["prior", "mixture", "second_stage"], ...] = cli.free(
        ("prior", "mixture", "second_stage")
    )
    """Where the codes of samples come from: the prior, or densities fitted to the encoded training images."""

    components: int = cli.free(10)
    """Gaussians of the mixture."""

    second_stage_steps: int = cli.free(4000)
    """Updates of the second-stage VAE."""

    time: bool = cli.free(False)
    """Time the steps of each network by itself, after the training."""

    dream: bool = cli.free(True)
    """Look for winged horses between the pictures of two classes."""

    pair: tuple[str, str] | None = cli.free(None)
    """Names of the two classes; horse and bird if there are these, else the first two."""

    pairs: int = cli.free(16)
    """Pairs of pictures to interpolate between."""

    interpolation_steps: int = cli.free(9)
    """Images from one picture of a pair to the other, both counted."""

    midpoints: int = cli.free(2000)
    """Candidates drawn near the middle between the two classes."""

    judge_epochs: int = 8
    """Passes over the labelled training images for the classifier that judges the candidates."""

    judge_widths: tuple[int, ...] = (32, 64, 128)
    """Channels of that classifier's stages."""

    def __post_init__(self) -> None:
        """Refuses unknown variants, and numbers that make no run."""
        super().__post_init__()
        self.require_known("variants", VARIANTS)
        self.require_known("samplers", study.SAMPLERS)
        self.require_at_least(1, "components", "second_stage_steps", "pairs", "midpoints", "judge_epochs")
        self.require_at_least(3, "interpolation_steps")
        self.require_positive("learning_rate", "beta", "mse_weight", "ssim_weight", "colour_weight")
        self.require_positive(*(f"{term}_weight" for term in TERMS))

    def make_model(
        self, image_shape: tuple[int, int, int], *, layout: models.Layout, **changes: object
    ) -> models.DeepConvVAE:
        """The network.

        Args:
            image_shape: (height, width, channels).
            layout: of its convolutions.
            **changes: arguments in which a variant differs.

        Returns:
            The Flax module.

        Raises:
            ValueError: images that it cannot be built for.
        """
        large = min(image_shape[:2]) >= LARGE
        arguments: dict[str, Any] = {
            "latent_size": (1024 if large else 128) if self.latent_size is None else self.latent_size,
            "widths": ((32, 64, 128, 256) if large else (32, 64, 128))
            if self.widths is None
            else self.widths,
            **{name: getattr(self, name) for name in ("kernel", "resampling", "residual", "latent")},
        }
        return models.DeepConvVAE(image_shape, layout=layout, **arguments | changes)


_PART: Mapping[str, Any] = {
    "data": "cifar10",
    "limit": 10_000,
    "epochs": 3,
    "fid": False,
    "samplers": ("prior",),
    "dream": False,
}
"""Flags of what is compared on a part of CIFAR-10."""

PRESETS = cli.presets(
    Config,
    ablation={**_PART, "variants": ABLATION, "time": True},
    vgg={**_PART, "variants": (MAIN, "VGG"), "time": True},
    latent={
        **_PART,
        "variants": tuple(f"latent {size}" for size in LATENT_SIZES),
        "epochs": 10,
        "fid": True,
        "samples": 2000,
    },
    stability={**_PART, "variants": STABILITY},
    overfitting={
        **_PART,
        "variants": ("all classes", *OVERFITTING),
        "limit": None,
        "epochs": 5,
        "fid": True,
        "samplers": ("prior", "mixture"),
        "samples": 2000,
    },
    smoke={
        "data": "drawn",
        "epochs": 12,
        "fid": False,
        "batch_size": 32,
        "widths": (16, 32, 64),
        "latent_size": 32,
        "samples": 24,
        "components": 3,
        "second_stage_steps": 200,
        "pairs": 4,
        "midpoints": 32,
        "judge_epochs": 4,
        "judge_widths": (8, 16),
    },
)


def make_variants(config: Config) -> dict[str, Variant]:
    """The variants asked for, by name, with all that the flags say."""
    return {
        name: replace(
            VARIANTS[name],
            terms=tuple(dict.fromkeys((*VARIANTS[name].terms, *(TERMS[term] for term in config.also)))),
            kl=VARIANTS[name].kl or config.kl,
            deep_features=VARIANTS[name].deep_features or config.deep_features,
        )
        for name in config.variants
    }
