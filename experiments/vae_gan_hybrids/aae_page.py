"""What the page shows of adversarial autoencoders."""

from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import jaxvae
from experiments.vae_gan_hybrids.aae_measures import Measures
from experiments.vae_gan_hybrids.aae_rows import PRIORS, ROWS
from experiments.vae_gan_hybrids.aae_tables import TRAINING, verdict
from jaxvae import models, report, study

_GRID = 15
_ALONG = 40
_SHOWN = 16
_REACH = {"normal": 3.0, "ring": 6.5, "swiss_roll": 5.5}
"""How far from the origin a plane is shown, by the name of its prior."""

_LECTURE = ("AAE, Gaussian", "VAE, Gaussian", "AAE, ring", "VAE, ring")
"""The lecture's four panels."""


def make_blocks(
    experiment: study.Experiment,
    tables: Sequence[report.Table],
    runs: Mapping[str, jaxvae.Run],
    measure: Measures,
    parts: Sequence[str],
) -> list[report.Block]:
    """Tables and figures of the first seed of each row.

    Args:
        experiment: the run.
        tables: the results.
        runs: a trained model of each row that did not diverge.
        measure: what they were measured with.
        parts: the trainings whose curves are drawn.

    Returns:
        In the page's order; the figures are also saved as PNG.
    """
    blocks: list[report.Block] = [*tables]
    if words := verdict(tables[0].rows):
        blocks.append(report.Paragraph(words))

    def show(file: str, figure: Figure, caption: str) -> report.Picture:
        return report.picture(experiment.workdir.figures / f"{file}.png", figure, caption)

    if not runs:
        return [*blocks, *_curves(experiment, show, parts)]
    blocks.append(report.Heading("Codes"))
    lecture = [name for name in _LECTURE if name in runs]
    for file, names in (
        ("planes", lecture),
        ("planes_more", [name for name in runs if name not in _LECTURE]),
    ):
        if names:
            panels = [_panel(name, runs[name], measure) for name in names]
            test, classes = experiment.test_set, experiment.test_set.spec.class_names
            figure = report.code_planes(panels, test.labels, class_names=classes)
            told = (
                "Codes of validation images by class, a draw from the posterior of each (of a deterministic encoder, "
                "what it puts out); dashes are contours of the prior's density."
            )
            blocks.append(show(file, figure, told))
    blocks += _decoded(show, runs)
    blocks.append(report.Heading("Reconstructions"))
    shown = experiment.test_set.images[:_SHOWN]
    again = [(name, np.asarray(run.reconstruct(shown))) for name, run in runs.items()]
    figure = report.comparison([("validation images", shown), *again], columns=_SHOWN)
    blocks.append(
        show(
            "reconstructions", figure, "Validation images, and reconstructions from the means of their codes."
        )
    )
    return [*blocks, *_curves(experiment, show, parts)]


def _panel(name: str, run: jaxvae.Run, measure: Measures) -> report.CodePlane:
    (prior,) = models.own_priors(run.model)
    log_prob = jax.jit(prior.log_prob)
    return report.CodePlane(
        title=name,
        codes=measure.codes(run),
        log_prob=lambda points: np.asarray(log_prob(jnp.asarray(points))),
        reach=_REACH[run.model.prior],
    )


def _decoded(
    show: Callable[[str, Figure, str], report.Picture], runs: Mapping[str, jaxvae.Run]
) -> list[report.Block]:
    """Images from planes, from parts of priors, and along the roll."""
    blocks: list[report.Block] = [report.Heading("Images decoded from the plane")]
    for prior, called in PRIORS.items():
        of_prior = {name: run for name, run in runs.items() if run.model.prior == prior}
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
        blocks.append(show(f"grid_{prior}", figure, f"Images decoded over the plane of the {called} prior."))
    rolls = {name: run for name, run in runs.items() if run.model.prior == "swiss_roll"}
    if rolls:
        axis = models.SwissRoll().axis(jnp.linspace(0, 1, _ALONG))
        figure = report.comparison(
            [(name, np.asarray(run.decode((axis,)))) for name, run in rolls.items()], columns=_ALONG // 2
        )
        blocks.append(
            show("roll", figure, "Images along the axis of the Swiss roll, from the inside outwards.")
        )
    informed = [name for name in runs if ROWS[name].informed]
    if informed:
        groups = [(name, _by_part(runs[name])) for name in informed]
        figure = report.comparison(groups, columns=_SHOWN)
        blocks.append(
            show("parts", figure, "Images decoded from draws of each part of the prior, a part a line.")
        )
    return blocks


def _values(prior: models.Samplable, name: str) -> np.ndarray:
    """Coordinates of a grid: quantiles of a Gaussian, else equal steps over the plane."""
    if isinstance(prior, models.Normal):
        return np.asarray(prior.quantile(jnp.linspace(0.05, 0.95, _GRID)))
    return np.linspace(-_REACH[name], _REACH[name], _GRID, dtype=np.float32)


def _by_part(run: jaxvae.Run) -> np.ndarray:
    (prior,) = models.sampled_priors(run.model)
    part = jnp.repeat(jnp.arange(run.model.classes), _SHOWN)
    codes = models.draw_each(jax.random.key(0), prior, jnp.arange(len(part)), part)
    return np.asarray(run.decode((codes,)))


def _curves(
    experiment: study.Experiment, show: Callable[[str, Figure, str], report.Picture], parts: Sequence[str]
) -> list[report.Block]:
    records = experiment.records(parts)
    columns = [column for column in TRAINING if any(column.key in record for record in records)]
    if not columns:
        return []
    caption = "Terms over epochs: on training batches (thin) and on validation images (bold)."
    return [report.Heading("Training"), show("curves", report.curves(records, columns), caption)]
