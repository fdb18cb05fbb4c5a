"""How metrics are shown."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Column:
    """How a metric is shown, in tables and on the axes of curves.

    Attributes:
        key: the metric's name in `Row.metrics` and in metrics.jsonl.
        title: what a reader calls it.
        unit: unit of the values; empty if they have none.
        digits: decimals shown.
        better: which direction is better; None marks no value as the best.
        note: one sentence on what the metric says.
    """

    key: str
    title: str
    unit: str = ""
    digits: int = 3
    better: Literal["higher", "lower"] | None = None
    note: str = ""

    @property
    def label(self) -> str:
        """Title with unit, as an axis shows it."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    @property
    def heading(self) -> str:
        """Label with an arrow towards better values, as a table shows it."""
        return self.label + {"higher": " ↑", "lower": " ↓", None: ""}[self.better]


IMAGE_COLUMNS = (
    Column(
        key="ssim",
        title="SSIM",
        better="higher",
        note="Structural similarity of image and reconstruction, at most 1.",
    ),
    Column(
        key="bce",
        title="BCE",
        unit="nats",
        digits=1,
        better="lower",
        note="Cross-entropy of the reconstruction, summed over pixels.",
    ),
    Column(key="mse", title="MSE", digits=4, better="lower", note="Squared error per pixel."),
    Column(
        key="sharpness_ratio",
        title="Sharpness",
        unit="data = 1",
        digits=3,
        note="Variance of the Laplacian of random samples over that of the data.",
    ),
)
"""How good images are, by the names that `jaxvae.evaluate` gives its numbers."""

ELBO = Column(key="elbo", title="ELBO", unit="nats", digits=1, better="higher")
"""The evidence lower bound, as `jaxvae.study` measures it; a table adds its own note to this and the next ones."""

BCE = Column(key="bce", title="BCE", unit="nats", digits=1, better="lower")
IWAE = Column(key="iwae", title="log p(x)", unit="nats", digits=1, better="higher")
SSIM = Column(key="ssim", title="SSIM", better="higher")
FID = Column(key="fid", title="FID", digits=1, better="lower")
KID = Column(key="kid", title="KID", digits=4, better="lower")
CLASSIFIER_FID = Column(key="classifier_fid", title="Classifier FID", digits=1, better="lower")
PARAMETERS = Column(key="parameters", title="Parameters", digits=0)
