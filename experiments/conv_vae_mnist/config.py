"""The cases of the report and those beside them, and the flags of the experiment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from jaxvae import cli

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
        before: name of the case that it differs from in one thing.
        change: what that is.
    """

    fields: Mapping[str, Any] = field(default_factory=dict)
    more: Mapping[str, int] = field(default_factory=dict)
    times: Mapping[str, int] = field(default_factory=dict)
    note: str = ""
    before: str = "base"
    change: str = ""


_MORE_LAYERS = {"layers": 1}
_DROPOUT = 0.2
_SGD_RATE = 1e-3
"""Learning rate / (1 - momentum), the size of SGD's steps in the long run, in both of its cases."""

CHANGES: Mapping[str, Change] = {
    "base": Change(
        note="Two convolutions, 2-D, Adam at 1e-3 with its usual momentum of 0.9, unless flags say otherwise."
    ),
    "more layers": Change(
        change="One more convolution",
        more=_MORE_LAYERS,
        note="One more convolution on both sides; the report gives no number.",
    ),
    "lr 1e-2": Change(change="Learning rate 1e-2", fields={"learning_rate": 1e-2}, note="Adam, as the base."),
    "lr 1e-4": Change(change="Learning rate 1e-4", fields={"learning_rate": 1e-4}, note="Adam, as the base."),
    "momentum 0.9": Change(
        change="Gradient descent with momentum 0.9",
        fields={"optimizer": "sgd", "momentum": 0.9, "learning_rate": 0.1 * _SGD_RATE},
        note="Gradient descent with the report's gamma, at a learning rate of 1e-4: the loss is a sum over pixels, and "
        "its gradients are large.",
    ),
    "momentum 0.99": Change(
        before="momentum 0.9",
        change="Momentum 0.99",
        fields={"optimizer": "sgd", "momentum": 0.99, "learning_rate": 0.01 * _SGD_RATE},
        note="Stands for the report's other value, 1, at which the velocity would never decay (and Adam's first moment "
        "never leave 0). At a learning rate of 1e-5, so that steps are as large in the long run as at 0.9.",
    ),
    "dropout in encoder": Change(
        change="Dropout in the encoder",
        fields={"encoder_dropout": _DROPOUT},
        note=f"Rate {_DROPOUT:g}; the report gives none.",
    ),
    "dropout in both": Change(
        before="dropout in encoder",
        change="Dropout in the decoder too",
        fields={"encoder_dropout": _DROPOUT, "decoder_dropout": _DROPOUT},
        note=f"Rate {_DROPOUT:g}, after every ReLU.",
    ),
    "dropout in both, more epochs": Change(
        before="dropout in both",
        change="Twice the epochs, with dropout",
        fields={"encoder_dropout": _DROPOUT, "decoder_dropout": _DROPOUT},
        times={"epochs": 2},
        note="Twice as many; the report gives no number.",
    ),
    "more layers, lr 1e-4": Change(
        before="more layers",
        change="Learning rate 1e-4, deeper",
        fields={"learning_rate": 1e-4},
        more=_MORE_LAYERS,
        note="The report does not say how much lower its rate was.",
    ),
    "5-D": Change(
        change="A code of 5 dimensions", fields={"latent_size": 5}, note="As many layers as the base."
    ),
    BEST: Change(
        before="5-D",
        change="One more convolution, with 5 dimensions",
        fields={"latent_size": 5},
        more=_MORE_LAYERS,
        note="The report's best: 1e-3, no dropout.",
    ),
}
"""Twelve cases by name, each by what sets it apart from the base.

The report's section 2.9 speaks of twelve and describes about nine; the list is a reconstruction. "5-D" alone, momentum
0.9 and 0.99 of gradient descent, and "more layers, lr 1e-4" are read out of what it says in passing.
"""

FURTHER: Mapping[str, Change] = {
    "no momentum": Change(
        before="momentum 0.9",
        change="No momentum, at the same learning rate",
        fields={"optimizer": "sgd", "momentum": 0.0, "learning_rate": 0.1 * _SGD_RATE},
        note="Gradient descent alone, at the learning rate of momentum 0.9: 1e-4.",
    ),
    "no momentum, same steps": Change(
        before="momentum 0.9",
        change="No momentum, at steps as large in the long run",
        fields={"optimizer": "sgd", "momentum": 0.0, "learning_rate": _SGD_RATE},
        note="At ten times the learning rate, 1e-3, so that steps are as large in the long run as with momentum 0.9.",
    ),
}
"""Cases that the report's claims about momentum need and its list does not have."""

_AUTOENCODER = {"gaussian": False, "beta": 0.0}
AUTOENCODERS: Mapping[str, Change] = {
    "autoencoder": Change(fields=_AUTOENCODER, note="A code without noise, and no KL divergence."),
    "VAE, beta 0": Change(
        fields={"beta": 0.0}, note="Noise, whose size the encoder chooses, and no KL divergence."
    ),
    "VAE": Change(note="The base."),
    "autoencoder, 5-D": Change(
        fields={**_AUTOENCODER, "latent_size": 5}, note="A code without noise, and no KL divergence."
    ),
    "VAE, 5-D": Change(fields={"latent_size": 5}, note="As many layers as the base."),
}
"""What is compared in the chapter "autoencoder"."""


@dataclass(frozen=True, kw_only=True)
class Config(cli.StudyConfig):
    """Flags of this experiment; those of a network and its training are the base case's."""

    workdir: Path = Path("runs/conv_vae_mnist")
    """Directory for everything that the run leaves."""

    chapter: Literal["all", "cases", "autoencoder", "classifier", "subspace"] = "all"
    """What to run: the twelve cases, autoencoders beside VAEs, the classifier that learns from generated digits, the
    latent subspace of a binary label, or all four."""

    batch_size: int = 128
    """Examples in a batch, over all devices."""

    variants: tuple[str, ...] = tuple(CHANGES)
    """Which cases, by name: the twelve, "no momentum" and "no momentum, same steps"."""

    autoencoders: tuple[str, ...] = tuple(AUTOENCODERS)
    """Which models of the chapter "autoencoder", by name: an autoencoder, a VAE with beta 0 and a VAE, and two 5-D."""

    layers: int = 2
    """Convolutions of the encoder, and transposed ones of the decoder, in the base case; at most 3."""

    latent_size: int = 2
    """Dimensions of the code in the base case."""

    encoder_dropout: float = 0.0
    """Share of the encoder's activations dropped in training, in the base case."""

    decoder_dropout: float = 0.0
    """Share of the decoder's activations dropped in training, in the base case."""

    beta: float = 1.0
    """Weight of the KL divergence in all cases; 0 leaves it out."""

    optimizer: Literal["adam", "sgd"] = "adam"
    """Of the base case: Adam, or gradient descent with momentum."""

    momentum: float = 0.9
    """Of the base case: Adam's decay of the first moment, or the report's gamma of gradient descent."""

    learning_rate: float = 1e-3
    """Of the base case."""

    classifier_epochs: int = 3
    """Passes over the training data for the classifier that measures images. Those that learn from generated digits see
    twice as many images, half of them generated where there are any."""

    bound_samples: int = cli.free(100)
    """Draws from the posterior for each image in the importance-weighted bound."""

    fid_samples: int = cli.free(2100)
    """Images of each case that go through Inception, which is slow; at most `samples`."""

    generator: Literal["conditional", "posterior"] = "conditional"
    """Where labelled digits come from: a VAE that is given the label; or draws from the posteriors of labelled images,
    which keep the image's label, by the one decoder of a VAE that knows no labels."""

    fractions: tuple[float, ...] = (0.0, 0.05, 0.2, 0.5, 1.0)
    """Shares of the training data that a classifier is given beside generated digits, and alone."""

    leaky: bool = True
    """Also train with digits of a generator that has seen all labels, whatever share the classifier sees, which is the
    report's setting."""

    generator_beta: float = 4.0
    """Weight of the KL divergence in the loss of generators and of models of the latent subspace. What the label says,
    the code need not; the larger the weight, the less the code says of the class, and the more digits are of the class
    that was asked for."""

    generator_epochs: int = 6
    """Passes over the training data for a generator, and for the models of the latent subspace."""

    classifier_loss: float = 10.0
    """Weight of the cross-entropy of a frozen classifier on the reconstruction, for the generator that is compared with
    one without."""

    label: str = "loop"
    """The binary label of the latent subspace: "loop" (0, 6, 8 and 9 have one), or a class against the rest."""

    independence: float = 10_000.0
    """Weight of the dependence (HSIC) between the binary label and z."""

    repeats: int = 3
    """Seeds of the chapters "autoencoder", "classifier" and "subspace", from `seed` upwards; `seeds` if that is
    more."""

    def __post_init__(self) -> None:
        """Refuses unknown cases, and numbers that make no run."""
        super().__post_init__()
        self.require_known("variants", {**CHANGES, **FURTHER})
        self.require_known("autoencoders", AUTOENCODERS)
        self.require_at_least(1, "layers", "latent_size", "generator_epochs", "repeats")
        if self.layers > 3:
            raise ValueError(f"layers must be at most 3, got {self.layers}.")
        if self.fid_samples < 2:
            raise ValueError(f"a Fréchet distance needs at least 2 samples, got {self.fid_samples}.")
        for name in ("encoder_dropout", "decoder_dropout", "momentum"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be in [0, 1), got {getattr(self, name)}.")
        self.require_non_negative("beta")
        self.require_positive("learning_rate", "generator_beta", "classifier_loss", "independence")
        if wrong := [share for share in self.fractions if not 0 <= share <= 1]:
            raise ValueError(f"fractions must be in [0, 1], got {wrong[0]}.")
        if not any(self.fractions) or len(set(self.fractions)) < len(self.fractions):
            raise ValueError(
                f"fractions must be different numbers, one of them above 0, got {self.fractions}."
            )

        if self.seed > 2**30:
            raise ValueError(f"seed must be at most {2**30} here, got {self.seed}.")

    @property
    def repeated_seeds(self) -> range:
        """Seeds of the chapters "autoencoder", "classifier" and "subspace"."""
        return range(self.seed, self.seed + max(self.repeats, self.seeds))

    @property
    def chapters(self) -> tuple[str, ...]:
        """The chapters to run."""
        every = ("cases", "autoencoder", "classifier", "subspace")
        return every if self.chapter == "all" else (self.chapter,)


PRESETS = cli.presets(
    Config,
    smoke={
        "variants": ("base", "lr 1e-2", BEST),
        "autoencoders": ("autoencoder", "VAE"),
        "limit": 1000,
        "batch_size": 64,
        "epochs": 3,
        "classifier_epochs": 1,
        "generator_epochs": 3,
        "samples": 200,
        "fid_samples": 8,
        "bound_samples": 5,
        "fractions": (0.0, 0.2, 1.0),
        "repeats": 1,
    },
)
