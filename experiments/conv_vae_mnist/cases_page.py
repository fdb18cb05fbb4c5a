"""What the page says and shows of the twelve cases."""

from collections.abc import Mapping

import jaxvae
from experiments.conv_vae_mnist.config import BEST, CHANGES
from jaxvae import report, study

COLUMNS = report.columns("elbo", "bce", "kl", "iwae", "ssim", "classifier_fid", "fid", "kid", "parameters")

SAMPLES = report.columns(
    "sharpness_ratio",
    "sure",
    report.Column(
        key="sure_centre",
        title="Sure at the centre",
        note="Share of images decoded within one deviation of the centre of the plane of the code's first two "
        "dimensions that a classifier is sure of.",
    ),
    report.Column(
        key="sure_edge",
        title="Sure at the edge",
        note="The same beyond two deviations, drawn from the prior too.",
    ),
    "effective_classes",
    "class_coverage",
)

WHY_A_BOUND = (
    "Why the ELBO is maximised and not log p(x), the report's first question: log p(x) is an integral over all codes, "
    "of which almost none explain a given image, so that neither it nor its gradient can be computed. The ELBO draws "
    "codes from the encoder instead, and its gradient can be estimated from one of them. It lies below log p(x) by the "
    "KL divergence between the encoder's posterior and the true one, so that raising it also mends the encoder. The "
    "column log p(x) is a tighter bound, from many draws for each image: that divergence is at least its distance "
    "from the ELBO. The report's equation 4 has the inequality the wrong way round: log p(x) is at least the ELBO."
)

TERMS = report.columns("bce", "kl")

CURVES = {
    "rates": (
        "Learning rates",
        ("base", "lr 1e-2", "lr 1e-4"),
        "BCE and KL over epochs at different learning rates",
    ),
    "momentum": (
        "What momentum does",
        ("no momentum", "no momentum, same steps", "momentum 0.9", "momentum 0.99"),
        "BCE and KL over epochs of gradient descent with and without momentum",
    ),
    "dropout": (
        "What dropout does",
        ("base", "dropout in encoder", "dropout in both", "dropout in both, more epochs"),
        "BCE and KL over epochs with dropout; training batches meet the network with gaps, held-out images the whole "
        "one",
    ),
}
"""Figures of curves by file: heading, cases and caption."""


def verdict(table: report.Table) -> str:
    """Whether the report's best case is the best here, by each metric."""
    sentences = []
    for column in table.columns:
        summaries = {row.name: row.metrics[column.key] for row in table.rows if column.key in row.metrics}
        values = {n: value for n, summary in summaries.items() if (value := summary["mean"]) is not None}
        if column.better is None or BEST not in values or len(values) < 2:
            continue
        order = sorted(values, key=values.__getitem__, reverse=column.better == "higher")
        place = order.index(BEST) + 1
        rival = order[1] if place == 1 else order[0]
        stands = "before" if place == 1 else f"place {place} behind"
        own, other = (f"{values[name]:.{column.digits}f}" for name in (BEST, rival))
        seeds = report.few_seeds(summaries[BEST], summaries[rival])
        sentences.append(f"{column.title} {own}, {stands} {rival} with {other}{seeds}")
    if not sentences:
        return "The report's best case was not run beside others."
    wins = sum(", before " in sentence for sentence in sentences)
    return (
        f"The report's best case, {BEST}, is the best of {len(table.rows)} by {wins} of {len(sentences)} measures: "
        f"{'; '.join(sentences)}."
    )


def dimension_columns(table: report.Table) -> list[report.Column]:
    """The KL divergence of each dimension of the largest code."""
    keys = {key for row in table.rows for key in row.metrics if key.startswith("kl_")}
    return report.family("kl_{}", sorted(int(key.removeprefix("kl_")) for key in keys))


def effects(
    experiment: study.Experiment, table: report.Table, variants: Mapping[str, study.Variant]
) -> list[report.Block]:
    """What single changes do, and curves of learning rates and of dropout."""
    columns = [column for column in table.columns if column.key in ("elbo", "classifier_fid", "fid")]
    blocks = report.contrast_blocks(study.contrasts(variants), table.rows, columns)
    for name, (heading, wanted, words) in CURVES.items():
        records = experiment.records(wanted)
        if len({record["variant"] for record in records}) > 1:
            caption = f"{words}: on training batches (dashed) and on a fifth of the held-out images (solid)."
            picture = experiment.picture(name, report.curves(records, TERMS), caption)
            blocks += [report.Heading(heading), picture]
    return blocks


def make_blocks(
    experiment: study.Experiment,
    table: report.Table,
    variants: Mapping[str, study.Variant],
    runs: Mapping[str, jaxvae.Run],
    words: str,
) -> list[report.Block]:
    """The chapter of the page, with figures of the first seed of each case.

    Args:
        experiment: the run.
        table: the results.
        variants: the cases.
        runs: a trained model of each.
        words: what there is to say of the table.
    """
    dimensions = dimension_columns(table)
    return [
        report.Heading(
            "Twelve cases" if set(CHANGES) <= {row.name for row in table.rows} else "Some of twelve cases"
        ),
        report.Paragraph(
            "The report speaks of twelve cases and describes about nine; this list of twelve is a reconstruction."
        ),
        table,
        report.Paragraph(words),
        report.Paragraph(WHY_A_BOUND),
        report.Table(
            rows=table.rows, columns=SAMPLES, caption="Samples, and the centre and the edge of the plane"
        ),
        report.Table(rows=table.rows, columns=dimensions, caption="KL divergence by dimension"),
        *effects(experiment, table, variants),
        *study.view_models(experiment, runs, spread=True),
    ]
