"""What the page says and shows of the twelve cases."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

import jaxvae
from experiments.conv_vae_mnist.table import BEST
from jaxvae import report, study

COLUMNS = (
    replace(report.ELBO, note="-(BCE + KL) on the validation images, whatever the KL weighed in training."),
    report.BCE,
    report.Column(key="kl", title="KL", unit="nats", digits=2),
    replace(report.IWAE, note="Importance-weighted bound on the validation images."),
    report.SSIM,
    replace(
        report.CLASSIFIER_FID,
        note="Fréchet distance of samples to validation images in the last hidden layer of a classifier of digits.",
    ),
    replace(
        report.FID,
        note="The same in the features of Inception v3. It is biased upwards, the more the fewer images, and not alike "
        "for all cases; KID is not biased.",
    ),
    replace(report.KID, note="Kernel Inception distance, without bias."),
    report.PARAMETERS,
)

TRAINING = (
    report.Column(key="bce", title="BCE", unit="nats"),
    report.Column(key="kl", title="KL", unit="nats"),
)

CONTRASTS = (
    report.Contrast(change="One more convolution", before="base", after="more layers"),
    report.Contrast(change="Learning rate 1e-2", before="base", after="lr 1e-2"),
    report.Contrast(change="Learning rate 1e-4", before="base", after="lr 1e-4"),
    report.Contrast(change="Learning rate 1e-4, deeper", before="more layers", after="more layers, lr 1e-4"),
    report.Contrast(change="Gradient descent with momentum 0.9", before="base", after="momentum 0.9"),
    report.Contrast(change="Momentum 0.99", before="momentum 0.9", after="momentum 0.99"),
    report.Contrast(change="Dropout in the encoder", before="base", after="dropout in encoder"),
    report.Contrast(
        change="Dropout in the decoder too", before="dropout in encoder", after="dropout in both"
    ),
    report.Contrast(
        change="Twice the epochs, with dropout",
        before="dropout in both",
        after="dropout in both, more epochs",
    ),
    report.Contrast(change="A code of 5 dimensions", before="base", after="5-D"),
    report.Contrast(change="One more convolution, with 5 dimensions", before="5-D", after=BEST),
)

RATES = ("base", "lr 1e-2", "lr 1e-4")
DROPOUT = ("base", "dropout in encoder", "dropout in both", "dropout in both, more epochs")


def verdict(rows: Sequence[report.Row], columns: Sequence[report.Column]) -> str:
    """Whether the report's best case is the best here, by each metric."""
    sentences = []
    means = {row.name: {key: summary["mean"] for key, summary in row.metrics.items()} for row in rows}
    for column in columns:
        values = {n: value for n, of in means.items() if (value := of.get(column.key)) is not None}
        if column.better is None or BEST not in values or len(values) < 2:
            continue
        order = sorted(values, key=values.__getitem__, reverse=column.better == "higher")
        place = order.index(BEST) + 1
        told = f"{column.title} {values[BEST]:.{column.digits}f}"
        if place == 1:
            sentences.append(f"{told}, before {order[1]} with {values[order[1]]:.{column.digits}f}")
        else:
            sentences.append(
                f"{told}, place {place} behind {order[0]} with {values[order[0]]:.{column.digits}f}"
            )
    if not sentences:
        return "The report's best case was not run beside others."
    wins = sum(", before " in sentence for sentence in sentences)
    return (
        f"The report's best case, {BEST}, is the best of {len(rows)} here by {wins} of {len(sentences)} measures: "
        f"{'; '.join(sentences)}."
    )


def dimension_columns(rows: Sequence[report.Row]) -> list[report.Column]:
    """One for each dimension of the largest code."""
    keys = {key for row in rows for key in row.metrics if key.startswith("kl_")}
    places = sorted(int(key.removeprefix("kl_")) for key in keys)
    unused = "Largest first; near 0 the dimension is unused."
    return [
        report.Column(
            key=f"kl_{place}",
            title=f"Dimension {place}",
            unit="nats",
            digits=2,
            note=unused if place == 1 else "",
        )
        for place in places
    ]


def effects(
    experiment: study.Experiment,
    rows: Sequence[report.Row],
    columns: Sequence[report.Column],
    records: Sequence[report.Record],
) -> list[report.Block]:
    """What single changes do, and curves of learning rates and of dropout."""
    told = [column for column in columns if column.key in ("elbo", "classifier_fid", "fid")]
    blocks = report.contrast_blocks(CONTRASTS, rows, told)
    for file, title, names, words in (
        ("rates", "Learning rates", RATES, "BCE and KL over epochs at different learning rates"),
        (
            "dropout",
            "What dropout does",
            DROPOUT,
            "BCE and KL over epochs with dropout; training batches meet the network with gaps, validation images the "
            "whole one",
        ),
    ):
        chosen = [record for record in records if record["variant"] in names]
        if len({record["variant"] for record in chosen}) > 1:
            caption = f"{words}: on training batches (thin) and on a fifth of the validation images (bold)."
            path = experiment.workdir.figures / f"{file}.png"
            blocks += [
                report.Heading(title),
                report.picture(path, report.curves(chosen, TRAINING), caption),
            ]
    return blocks


def make_blocks(
    experiment: study.Experiment,
    table: report.Table,
    runs: Mapping[str, jaxvae.Run],
    programs: Sequence[str],
    words: str,
) -> list[report.Block]:
    """The section of the page, with figures of the first seed of each case.

    Args:
        experiment: the run.
        table: the results.
        runs: a trained model of each case.
        programs: the trainings whose curves are drawn.
        words: what there is to say of the table.
    """
    test_set, workdir, rows = experiment.test_set, experiment.workdir, table.rows
    records = experiment.records(programs)
    return [
        report.Heading("The twelve cases"),
        table,
        report.Paragraph(words),
        report.Table(rows=rows, columns=dimension_columns(rows), caption="KL divergence by dimension"),
        *effects(experiment, rows, table.columns, records),
        *report.model_blocks(
            workdir.figures,
            [study.view_model(run, test_set, spread=True) for run in runs.values()],
            originals=test_set.images[:16].astype(np.float32) / 255,
            labels=test_set.labels,
            class_names=test_set.spec.class_names,
        ),
    ]
