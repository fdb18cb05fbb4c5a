"""The flags of the experiment."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from experiments.conv_vae_mnist.table import BEST, CASES
from jaxvae import cli


@dataclass(frozen=True, kw_only=True)
class Config(cli.StudyConfig):
    """Flags of this experiment; those of a network and its training are the base case's."""

    workdir: Path = Path("runs/conv_vae_mnist")
    """Directory for everything that the run leaves."""

    part: Literal["all", "cases", "classifier", "subspace"] = "all"
    """What to run: the twelve cases, the classifier that learns from generated digits, the latent subspace of a
    binary label, or all three."""

    batch_size: int = 128
    """Examples in a batch, over all devices."""

    cases: tuple[str, ...] = tuple(CASES)
    """Which of the twelve cases, by name."""

    layers: int = 2
    """Convolutions of the encoder, and transposed ones of the decoder, in the base case; at most 3."""

    latent_size: int = 2
    """Dimensions of the code in the base case."""

    encoder_dropout: float = 0.0
    """Share of the encoder's activations dropped in training, in the base case."""

    decoder_dropout: float = 0.0
    """Share of the decoder's activations dropped in training, in the base case."""

    beta: float = 1.0
    """Weight of the KL divergence in all cases."""

    optimizer: Literal["adam", "sgd"] = "adam"
    """Of the base case: Adam, or gradient descent with momentum."""

    momentum: float = 0.9
    """Of the base case: Adam's decay of the first moment, or the report's gamma of gradient descent."""

    learning_rate: float = 1e-3
    """Of the base case."""

    classifier_epochs: int = 3
    """Passes over the training data for the classifier that judges; those that learn from generated digits see twice as
    many images, half of them generated where there are such."""

    bound_samples: int = 100
    """Draws from the posterior for each image in the importance-weighted bound."""

    fid_samples: int = 2100
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
    """Seeds of the parts "classifier" and "subspace", from `seed` upwards; `seeds` if that is more."""

    def __post_init__(self) -> None:
        """Refuses cases that there are not, and numbers that make no run."""
        super().__post_init__()
        self.require_known("cases", CASES)
        self.require_at_least(1, "layers", "latent_size", "generator_epochs", "repeats")
        if self.layers > 3:
            raise ValueError(f"layers must be at most 3, got {self.layers}.")
        if self.fid_samples < 2:
            raise ValueError(f"a Fréchet distance needs at least 2 samples, got {self.fid_samples}.")
        for name in ("encoder_dropout", "decoder_dropout", "momentum"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be in [0, 1), got {getattr(self, name)}.")
        self.require_positive("beta", "learning_rate", "generator_beta", "classifier_loss", "independence")
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
        """Seeds of the parts "classifier" and "subspace"."""
        return range(self.seed, self.seed + max(self.repeats, self.seeds))

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts to run."""
        return ("cases", "classifier", "subspace") if self.part == "all" else (self.part,)


PRESETS = {
    "full": Config,
    "smoke": lambda: Config(
        preset="smoke",
        workdir=Path("runs/conv_vae_mnist_smoke"),
        cases=("base", "lr 1e-2", BEST),
        limit=1000,
        batch_size=64,
        epochs=3,
        classifier_epochs=1,
        generator_epochs=3,
        samples=200,
        fid_samples=8,
        bound_samples=5,
        fractions=(0.0, 0.2, 1.0),
        repeats=1,
    ),
}
