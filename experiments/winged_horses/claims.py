"""What became of the report's claims, from the numbers."""

from collections.abc import Iterator, Mapping, Sequence

from experiments.winged_horses.config import MAIN, Variant
from experiments.winged_horses.stability import best_rates
from jaxvae import report

SAMPLERS = {"prior": "prior", "mixture": "mixture", "second_stage": "second stage"}
"""What samplers are called."""

CLAIMS: Sequence[tuple[str, str, str]] = (
    ("MSE", MAIN, "ssim"),
    ("MSE", MAIN, "colour_error"),
    ("SSIM", MAIN, "colour_error"),
    ("SSIM", MAIN, "histogram_prior"),
    (MAIN, "VGG", "ssim"),
    ("two classes", "all classes", "ssim_gap"),
    ("two classes", "all classes", "ssim"),
    ("two classes", "all classes", "kid_mixture"),
    ("a tenth of two classes", "two classes", "ssim_gap"),
    ("a tenth of two classes", "two classes", "kid_mixture"),
)
"""Two variants, of which the second is claimed to be better, and the metric by which it is compared."""


def verdict(rows: Sequence[report.Row], variants: Mapping[str, Variant]) -> str:
    """What became of the report's claims.

    Args:
        rows: of the results.
        variants: what is compared, by the rows' names.

    Returns:
        Sentences, each of two rows over all seeds.
    """
    sentences = report.failed(rows)
    for before, after, key in CLAIMS:
        column = _column(key)
        claim = f"{column.title} from “{before}” to “{after}”"
        sentences += report.compare_means(rows, (before, after), column, claim=claim)
    return " ".join([*sentences, *best_rates(rows, variants), *_best_samplers(rows)])


def _column(key: str) -> report.Column:
    """That of the catalogue, or of a sampler."""
    name, _, sampler = key.partition("_")
    if sampler in SAMPLERS:
        (column,) = report.family(f"{name}_{{}}", {sampler: SAMPLERS[sampler]})
    else:
        (column,) = report.columns(key)
    return column


def _best_samplers(rows: Sequence[report.Row]) -> Iterator[str]:
    for row in rows:
        found = {sampler: row.metrics.get(f"fid_{sampler}") for sampler in SAMPLERS}
        fids = {sampler: of["mean"] for sampler, of in found.items() if of and of["mean"] is not None}
        if len(fids) > 1:
            listed = ", ".join(f"{SAMPLERS[sampler]} {value:.1f}" for sampler, value in fids.items())
            yield f"FID of “{row.name}” by sampler: {listed}."
