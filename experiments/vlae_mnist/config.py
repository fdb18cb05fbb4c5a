"""The flags of the ladder's experiment."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from jaxvae import cli

ROWS = ("KL", "KL + SSIM", "MMD", "MMD + SSIM", "joint MMD + SSIM")
"""Rows of the study "objectives"."""


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The ladder."""

    latent_sizes: tuple[int, ...] = (2, 2, 2)
    """Latent size of each level, bottom first."""

    widths: tuple[int, ...] = (32, 64, 128)
    """Channels of each encoder stage, as many as there are levels."""

    hidden: int = 512
    """Width of the decoder's dense layers."""

    shared_merge: bool = True
    """Merge all levels by one dense layer, as the report does, or each by its own."""


@dataclass(frozen=True, kw_only=True)
class LossConfig(cli.Checked):
    """Weights of the objective's terms; the reconstruction loss, a sum over pixels in nats, has weight 1."""

    likelihood: Literal["bernoulli", "gaussian", "laplace"] = "bernoulli"
    """Reconstruction loss; Gaussian and Laplace learn one scale for all pixels."""

    ssim: float = 200.0
    """Weight of 1 - SSIM in the variant with SSIM: 0.01 of SSIM weighs as much as 2 nats."""

    mmd: float = 200.0
    """Weight of the squared MMD to N(0, I), summed over levels: 0.005 of it weighs as much as 1 nat."""

    joint_mmd: float = 0.0
    """Weight of the squared MMD of the codes of all levels together, beside that of each level; in the rows "joint MMD"
    of the study "objectives" it is that of --mmd."""

    bandwidths: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)
    """Standard deviations of the RBF kernels whose mean is the MMD's kernel; wide ones fetch stray codes back.
    They grow with the square root of the number of levels where all levels are compared together."""

    kl: float = 0.0
    """Weight of the KL divergence, which the report replaces by MMD; 1 is the evidence lower bound's, and that of the
    rows "KL" and of the study "stacked"."""

    kl_warmup: int = 0
    """Epochs over which the KL weight rises from 0."""

    def __post_init__(self) -> None:
        """Refuses negative weights."""
        self.require_non_negative("ssim", "mmd", "joint_mmd", "kl", "kl_warmup")


@dataclass(frozen=True, kw_only=True)
class Config(cli.RunConfig):
    """Flags of this experiment."""

    workdir: Path = Path("runs/vlae_mnist")
    """Directory for everything that the run leaves."""

    study: Literal["ssim", "objectives", "stacked"] = "ssim"
    """What to compare: the loss without and with SSIM, as the report does; KL and MMD, each without and with SSIM; or
    the ladder and stacks of latents, both trained on the evidence lower bound."""

    variants: tuple[str, ...] = ROWS
    """Rows of the study "objectives"."""

    model: ModelConfig = field(default_factory=ModelConfig)
    loss: LossConfig = field(default_factory=LossConfig)

    batch_size: int = 128
    """Examples in a batch, over all devices."""

    learning_rate: float = 1.5e-3
    """Adam's step size at the start; it falls to 2 % of it along a half cosine."""

    clip_norm: float = 0.0
    """Largest global norm of the gradient; 0 does not clip."""

    ema: float = 0.0
    """Decay of the moving average of the parameters that is evaluated in their place; 0 keeps none."""

    classifier_epochs: int = 5
    """Passes over the training data for the classifier that samples are judged by, in other studies than "ssim"."""

    samples: int = cli.free(10_000)
    """Images drawn from each model for that classifier."""

    def __post_init__(self) -> None:
        """Refuses unknown rows, numbers that measure nothing, and a likelihood that a study does not measure."""
        super().__post_init__()
        self.require_known("variants", ROWS)
        self.require_at_least(1, "classifier_epochs")
        self.require_at_least(2, "samples")
        if self.study != "ssim" and self.loss.likelihood != "bernoulli":
            raise ValueError(
                f"the study {self.study!r} measures Bernoulli pixels, got likelihood {self.loss.likelihood!r}; "
                "leave it out, or take --study ssim."
            )


PRESETS = cli.presets(
    Config,
    smoke={"limit": 4000, "epochs": 4, "batch_size": 64, "classifier_epochs": 2, "samples": 500},
)
