"""Which learning rates a loss stands: the share of seeds that diverge, and the rate at which it does best."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import UInt8

import jaxvae
from experiments.winged_horses.config import Variant
from jaxvae import report, study
from jaxvae.images import as_floats

OWN = {"squared_error": ("MSE", "mse"), "ssim_loss": ("SSIM", "ssim")}
"""By the only term of a loss, what it is called and the metric that says how well it does."""


def error_of_the_mean(training: UInt8[np.ndarray, "n h w c"], test: UInt8[np.ndarray, "m h w c"]) -> float:
    """Squared error of the mean training image as the reconstruction of every image.

    Args:
        training: the training images.
        test: images to reconstruct.

    Returns:
        Mean over images, pixels and channels, of intensities in [0, 1].
    """
    mean = as_floats(training[:10_000]).mean(axis=0)
    return float(np.mean(np.square(as_floats(test) - mean)))


def add_diverged(
    table: report.Table,
    trained: Mapping[str, study.Trained],
    measure: Callable[[jaxvae.Run], Mapping[str, float]],
    *,
    seeds: int,
    baseline: float,
) -> report.Table:
    """Adds the share of seeds that diverged.

    A seed has diverged if its loss was not finite, or if its reconstructions have at least the squared error of one
    picture for all images.

    Args:
        table: a row for each variant.
        trained: by variant.
        measure: values by name of a trained model, "mse" among them.
        seeds: how many of each variant were trained.
        baseline: squared error of the best picture for all images.

    Returns:
        The table with the column "diverged".
    """
    rows = []
    for row in table.rows:
        runs = trained[row.name].runs
        lost = [float(measure(run)["mse"] >= baseline) for run in runs] + [1.0] * (seeds - len(runs))
        rows.append(
            replace(row, metrics={**row.metrics, **report.summarize([{"diverged": each} for each in lost])})
        )
    return replace(table, rows=rows, columns=[*report.columns("diverged"), *table.columns])


def best_rates(rows: Sequence[report.Row], variants: Mapping[str, Variant]) -> list[str]:
    """Up to which learning rate no seed diverged, and which one is best, for each loss.

    Args:
        rows: with "diverged".
        variants: by name; those without a learning rate of their own are passed over.

    Returns:
        A sentence for each loss that has several rates.
    """
    sentences = []
    for term, (name, key) in OWN.items():
        own = {
            rate: row.metrics
            for row in rows
            if (rate := variants[row.name].learning_rate) is not None and variants[row.name].terms == (term,)
        }
        if len(own) < 2:
            continue
        unsafe = [rate for rate in own if own[rate]["diverged"]["mean"] != 0]
        safe = [rate for rate in own if not unsafe or rate < min(unsafe)]
        upto = f"no seed diverges up to {max(safe):g}" if safe else "seeds diverge at the smallest"
        known = {rate: mean for rate, of in own.items() if (mean := _mean(of, key)) is not None}
        best = ""
        if known:
            rate = (min if key == "mse" else max)(known, key=lambda rate: known[rate])
            best = f"; {key.upper()} is best at {rate:g}: {known[rate]:.4f}"
        sentences.append(f"Of the learning rates of {name}, {upto}{best}.")
    return sentences


def _mean(metrics: Mapping[str, report.Summary], key: str) -> float | None:
    return metrics[key]["mean"] if key in metrics else None
