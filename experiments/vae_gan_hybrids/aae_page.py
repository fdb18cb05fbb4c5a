"""What the page says and shows of adversarial autoencoders."""

from collections.abc import Iterator, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

import jaxvae
from experiments.vae_gan_hybrids.aae_measures import Measures, network
from jaxvae import models, report, study

PRIORS = {"normal": "Gaussian", "ring": "ring", "swiss_roll": "Swiss roll"}
"""What priors are called."""

FIT = report.columns("two_sample", "holes", "mmd", "mode_match")
IMAGES = report.columns("bce", "classifier_fid", "diversity")
PARTS = report.columns("purity", "agreement", "region_agreement", "code_agreement")

_GRID = 15
_ALONG = 40
_SHOWN = 16
_REACH = {"normal": 3.0, "ring": 6.5, "swiss_roll": 5.5}
"""How far from the origin a plane is shown, by the name of its prior."""

_LECTURE = ("AAE, Gaussian", "VAE, Gaussian", "AAE, ring", "VAE, ring")
"""The lecture's four panels."""


def make_tables(
    experiment: study.Experiment, trained: Mapping[str, study.Trained], measures: Measures
) -> list[report.Table]:
    """How codes fill the prior, what images are like, and the classes of each part."""
    fit = experiment.table(trained, measures, FIT, caption=f"Codes and prior. {measures.words}")
    tables = [fit, report.Table(rows=fit.rows, columns=IMAGES, caption="Reconstructions and samples")]
    if with_parts := [row for row in fit.rows if "purity" in row.metrics]:
        tables.append(report.Table(rows=with_parts, columns=PARTS, caption="Parts of the prior and classes"))
    if informed := [row for row in fit.rows if "agreement_0" in row.metrics]:
        columns = report.family("agreement_{}", dict(enumerate(experiment.class_names)))
        tables.append(report.Table(rows=informed, columns=columns, caption="Agreement by part of the prior"))
    return tables


def verdict(rows: Sequence[report.Row]) -> str:
    """What became of the lecture's claims, from the numbers."""
    return " ".join([*report.failed(rows), *_compared(rows), *_informed(rows)])


def _compared(rows: Sequence[report.Row]) -> Iterator[str]:
    for prior in PRIORS.values():
        for column in report.columns("holes", "mode_match", "bce", "classifier_fid"):
            claim = f"{column.title} of the {prior} prior, VAE → AAE"
            yield from report.compare_means(rows, (f"VAE, {prior}", f"AAE, {prior}"), column, claim=claim)


def _informed(rows: Sequence[report.Row]) -> Iterator[str]:
    for row in rows:
        means = {key: row.metrics[key]["mean"] for key in ("agreement", "two_sample") if key in row.metrics}
        agreement, two_sample = means.get("agreement"), means.get("two_sample")
        if agreement is not None and two_sample is not None:
            share = f"{agreement:.1%} of images are of their part's class"
            yield f"{row.name}: {share}, two-sample accuracy {two_sample:.3f}."


def make_blocks(
    experiment: study.Experiment,
    tables: Sequence[report.Table],
    runs: Mapping[str, jaxvae.Run],
    measures: Measures,
) -> list[report.Block]:
    """Tables and figures of the first seed of each variant.

    Args:
        experiment: the run.
        tables: the results.
        runs: a trained model of each variant that did not fail.
        measures: what they were measured with.

    Returns:
        In the page's order; the figures are also saved as PNG.
    """
    blocks: list[report.Block] = [*tables]
    if words := verdict(tables[0].rows):
        blocks.append(report.Paragraph(words))
    test = experiment.test_set
    reconstructions = [
        (name, np.asarray(run.reconstruct(test.images[:_SHOWN]))) for name, run in runs.items()
    ]
    figure = report.comparison([("held-out images", test.images[:_SHOWN]), *reconstructions], columns=_SHOWN)
    caption = "Held-out images, and reconstructions from the means of their codes."
    return [
        *blocks,
        report.Heading("Codes"),
        *_planes(experiment, runs, measures),
        *_decoded(experiment, runs),
        report.Heading("Reconstructions"),
        experiment.picture("reconstructions", figure, caption),
    ]


def _planes(
    experiment: study.Experiment, runs: Mapping[str, jaxvae.Run], measures: Measures
) -> list[report.Block]:
    """The lecture's panels, and the others."""
    blocks: list[report.Block] = []
    caption = (
        "Codes of held-out images by class, a draw from the posterior of each (of a deterministic encoder, its "
        "output); dashes are contours of the prior's density."
    )
    for file, names in (
        ("planes", [name for name in _LECTURE if name in runs]),
        ("planes_more", [name for name in runs if name not in _LECTURE]),
    ):
        if names:
            panels = [_panel(name, runs[name], measures) for name in names]
            labels, classes = experiment.test_set.labels, experiment.class_names
            figure = report.code_planes(panels, labels, class_names=classes)
            blocks.append(experiment.picture(file, figure, caption))
    return blocks


def _panel(name: str, run: jaxvae.Run, measures: Measures) -> report.CodePlane:
    (prior,) = models.own_priors(run.autoencoder)
    log_prob = jax.jit(prior.log_prob)
    return report.CodePlane(
        title=name,
        codes=measures.codes(run),
        log_prob=lambda points: np.asarray(log_prob(jnp.asarray(points))),
        reach=_REACH[network(run).prior],
    )


def _decoded(experiment: study.Experiment, runs: Mapping[str, jaxvae.Run]) -> list[report.Block]:
    """Images from planes, from parts of priors, and along the roll."""
    blocks: list[report.Block] = [report.Heading("Images decoded from the plane")]
    for prior, title in PRIORS.items():
        of_prior = {name: run for name, run in runs.items() if network(run).prior == prior}
        if not of_prior:
            continue
        values = _values(models.prior(prior), prior)
        centre = np.zeros((1, 2), np.float32)
        panels = [
            report.Traversal(
                title=name,
                grid=np.asarray(run.traverse((centre,), values)[0]),
                x_label="$z[0]$",
                y_label="$z[1]$",
            )
            for name, run in of_prior.items()
        ]
        figure = report.traversal(panels, values=values)
        blocks.append(
            experiment.picture(
                f"grid_{prior}", figure, f"Images decoded over the plane of the {title} prior."
            )
        )
    rolls = {name: run for name, run in runs.items() if network(run).prior == "swiss_roll"}
    if rolls:
        axis = models.SwissRoll().axis(jnp.linspace(0, 1, _ALONG))
        figure = report.comparison(
            [(name, np.asarray(run.decode((axis,)))) for name, run in rolls.items()], columns=_ALONG // 2
        )
        blocks.append(
            experiment.picture(
                "roll", figure, "Images along the axis of the Swiss roll, from the inside outwards."
            )
        )
    informed = [name for name, run in runs.items() if network(run).informed]
    if informed:
        groups = [(name, _by_part(runs[name])) for name in informed]
        figure = report.comparison(groups, columns=_SHOWN)
        blocks.append(
            experiment.picture(
                "parts", figure, "Images decoded from draws of each part of the prior, a part a line."
            )
        )
    return blocks


def _values(prior: models.Samplable, name: str) -> np.ndarray:
    """Coordinates of a grid: quantiles of a Gaussian, else equal steps over the plane."""
    if isinstance(prior, models.Normal):
        return np.asarray(prior.quantile(jnp.linspace(0.05, 0.95, _GRID)))
    return np.linspace(-_REACH[name], _REACH[name], _GRID, dtype=np.float32)


def _by_part(run: jaxvae.Run) -> np.ndarray:
    (prior,) = run.autoencoder.priors
    part = jnp.repeat(jnp.arange(network(run).classes), _SHOWN)
    codes = models.draw_each(jax.random.key(0), prior, jnp.arange(len(part)), part)
    return np.asarray(run.decode((codes,)))
