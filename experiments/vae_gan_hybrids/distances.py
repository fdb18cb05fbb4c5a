"""Equal squared errors that look unequal: why the lecture compares images in features and not pixel by pixel.

No generator is trained, only the classifier whose features are compared.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments.vae_gan_hybrids.distortions import CHANGES, Pictures, equalized, shifted
from jaxvae import cli, data, evaluate, losses, models, report, study
from jaxvae.images import as_floats
from jaxvae.pieces import in_pieces

_SSIM, _MS_SSIM = jax.jit(losses.ssim), jax.jit(losses.ms_ssim)
_SHOWN = 10
_WINDOW = 11
"""Pixels that the smallest image of SSIM has."""

INTRO = (
    "Each held-out image is shifted to the right, and changed in other ways, each until its squared error is the "
    "shift's. What other distances say of the same images stands beside it, and what a shift costs by its length."
)


@dataclass(frozen=True, kw_only=True)
class DistancesConfig(cli.RunConfig):
    """Flags of the comparison of distances; the epochs are the classifier's."""

    workdir: Path = Path("runs/vae_gan_hybrids_distances")
    """Directory for everything that the run leaves."""

    epochs: int = 5
    """Passes over the training data for the classifier in whose features images are compared."""

    images: int = cli.free(300)
    """Held-out images that are changed, if there are as many."""

    shift: int = cli.free(1)
    """Pixels of the shift whose squared error all other changes are given."""

    longest: int = cli.free(6)
    """Pixels of the longest shift in the figure."""

    lpips: bool = cli.free(True)
    """Compare by LPIPS too, which needs the extra "lpips"."""

    def __post_init__(self) -> None:
        """Refuses numbers that compare nothing."""
        super().__post_init__()
        self.require_at_least(2, "images")
        self.require_at_least(1, "shift", "longest")
        if self.seeds > 1:
            raise ValueError(
                f"distances are of images and of one classifier; --seeds must be 1, got {self.seeds}."
            )


PRESETS = cli.presets(
    DistancesConfig, smoke={"data": "drawn", "image_size": 16, "epochs": 4, "images": 100, "lpips": False}
)


def main(config: DistancesConfig) -> None:
    """Trains the classifier, measures changed images, and writes the report."""
    experiment = study.Experiment.open("vae_gan_hybrids", config, select=_with_attributes, least=2)
    images, side = as_floats(experiment.test_set.images[: config.images]), min(experiment.image_shape[:2])
    if side < _WINDOW:
        raise ValueError(
            f"SSIM needs images of at least {_WINDOW} x {_WINDOW} pixels, got {side}; use larger ones."
        )
    weights = models.load_vgg16() if config.lpips else None
    classifier = study.train_attribute_classifier(experiment, epochs=config.epochs)
    compare = partial(distances, images, experiment.test_set, classifier)
    moved = shifted(images, config.shift)
    target = np.asarray(evaluate.mse(jnp.asarray(moved), jnp.asarray(images)), np.float64)
    changed = {f"shift by {config.shift}": moved} | {
        name: equalized(images, target, name) for name in CHANGES
    }
    of = f"{len(images):,} of the {experiment.measured_on}"
    equal = _table(changed, partial(compare, weights), of)
    shifts = _shifts(images, config.longest, partial(compare, None), of)
    words = " ".join([*equal_words(equal.rows), *shift_words(shifts.rows)])
    originals = ("held-out images", images[:_SHOWN])
    figure = report.comparison(
        [originals, *((name, x[:_SHOWN]) for name, x in changed.items())], columns=_SHOWN
    )
    experiment.publish(
        title="Equal errors, unequal looks",
        intro=INTRO,
        tables=[equal, shifts],
        blocks=[
            equal,
            experiment.picture(
                "equal", figure, "Held-out images, and each change to an equal squared error."
            ),
            report.Heading("What a shift costs"),
            shifts,
            experiment.picture(
                "shifts", _curve(shifts), "Distances of shifted images, where 1 is that of two images."
            ),
            report.Paragraph(words),
        ],
        curves=[],
        summary={"images": len(images), "classifier_accuracy": classifier.accuracy},
        words=words,
    )


def _with_attributes(training: data.Dataset, test: data.Dataset) -> tuple[data.Dataset, data.Dataset]:
    return data.select_attributes(training, ()), data.select_attributes(test, ())


def distances(
    images: Pictures,
    source: data.Dataset,
    classifier: study.AttributeClassifier,
    weights: models.PerceptualWeights | None,
    changed: Pictures,
) -> dict[str, float]:
    """What several distances say of changed images.

    Args:
        images: the first of the data set.
        source: the data set, with attributes.
        classifier: in whose features images are compared.
        weights: of LPIPS; None leaves it out.
        changed: of the same shape.

    Returns:
        Means over images, with mse_share and feature_distance divided by the mean over pairs of different images.
    """
    if source.attributes is None:
        raise ValueError("the attributes of changed images are measured, and these images have none.")
    truth, pair = source.attributes.values[: len(images)], (changed, images)
    own, other = classifier.features(images), classifier.features(changed)
    apart = float(evaluate.diversity(jnp.asarray(own)))
    squared = float(np.mean(np.square(changed - images, dtype=np.float64)))
    spread = 2 * float(np.var(images, axis=0, ddof=1, dtype=np.float64).mean())
    values = {
        "mse": squared,
        "mse_share": squared / spread if spread else 1.0,
        "ssim": float(np.mean(in_pieces(_SSIM, pair))),
        "ms_ssim": float(np.mean(in_pieces(_MS_SSIM, pair))),
        "feature_distance": float(np.linalg.norm(own - other, axis=1).mean()) / apart if apart else 1.0,
        "attributes_kept": float(((classifier.probabilities(changed) > 0.5) == truth).mean()),
    }
    return (
        values if weights is None else values | {"lpips": float(study.lpips(*pair, weights=weights).mean())}
    )


def _table(changed: Mapping[str, Pictures], measure: partial[dict[str, float]], of: str) -> report.Table:
    rows = [report.Row(name=name, metrics=report.summarize([measure(x)])) for name, x in changed.items()]
    columns = report.columns("mse", "ssim", "ms_ssim", "lpips", "feature_distance", "attributes_kept")
    return report.Table(rows=rows, columns=columns, caption=f"Changes of equal squared error, {of}")


def _shifts(images: Pictures, longest: int, measure: partial[dict[str, float]], of: str) -> report.Table:
    longest = min(longest, images.shape[2] - 1)
    rows = [
        report.Row(name=f"{pixels} px", metrics=report.summarize([measure(shifted(images, pixels))]))
        for pixels in range(1, longest + 1)
    ]
    columns = report.columns("mse", "mse_share", "ssim", "feature_distance", "attributes_kept")
    return report.Table(rows=rows, columns=columns, caption=f"Shifts to the right, {of}")


def _curve(table: report.Table) -> Figure:
    pixels = list(range(len(table.rows) + 1))
    series = {
        column.title: [0.0, *(row.metrics[column.key]["mean"] or 0.0 for row in table.rows)]
        for column in report.columns("mse_share", "feature_distance")
    }
    return report.lines(series, pixels, x_label="pixels of shift", y_label="distance, two images = 1")


def equal_words(rows: Sequence[report.Row]) -> Iterator[str]:
    """How far apart equal errors are by other distances.

    Args:
        rows: changes of equal squared error.
    """
    for column in report.columns("ssim", "feature_distance"):
        values = {row.name: row.metrics[column.key]["mean"] or 0.0 for row in rows}
        least, most = min(values, key=values.__getitem__), max(values, key=values.__getitem__)
        yield (
            f"At one squared error, {column.title} goes from {values[least]:.{column.digits}f} ({least}) to "
            f"{values[most]:.{column.digits}f} ({most})."
        )


def shift_words(rows: Sequence[report.Row]) -> Iterator[str]:
    """What shifts cost, by squared error and by features.

    Args:
        rows: shifts.
    """
    for row in rows:
        squared, features = (row.metrics[key]["mean"] or 0.0 for key in ("mse_share", "feature_distance"))
        yield (
            f"A shift of {row.name} costs {squared:.3f} of the squared error between two images and {features:.3f} of "
            "their distance in features."
        )
