"""What the page says and shows of adversarial autoencoders."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import jaxvae
from experiments.vae_gan_hybrids.aae_measures import Measures
from experiments.vae_gan_hybrids.aae_rows import PRIORS, ROWS
from jaxvae import models, report, study
from jaxvae.types import Prior

_GRID = 15
_ALONG = 40
_SHOWN = 16
_REACH = {"normal": 3.0, "ring": 6.5, "swiss_roll": 5.5}
"""How far from the origin a plane is shown, by the name of its prior."""

_LECTURE = ("AAE, Gaussian", "VAE, Gaussian", "AAE, ring", "VAE, ring")
"""The lecture's four panels."""

FIT = (
    report.Column(
        key="two_sample",
        title="Two-sample test",
        better="lower",
        note="Accuracy of a classifier that tells codes from draws; 0.5 where it cannot.",
    ),
    report.Column(
        key="holes",
        title="Holes",
        better="lower",
        note="Share of draws from the prior that no codes are near; 0.05 where both have one distribution.",
    ),
    report.Column(
        key="mmd",
        title="MMD²",
        digits=4,
        better="lower",
        note="Squared maximum mean discrepancy between codes and draws, Gaussian kernel.",
    ),
    report.Column(
        key="mode_match",
        title="Mode match",
        better="higher",
        note="1 minus the total variation between the codes' shares of the prior's parts and equal shares.",
    ),
)

IMAGES = (
    report.BCE,
    report.Column(key="mse", title="MSE", digits=4, better="lower", note="Squared error per pixel."),
    report.CLASSIFIER_FID,
    report.Column(
        key="purity",
        title="Purity",
        better="higher",
        note="Share of the images decoded from a part of the prior that are of its commonest class.",
    ),
    report.Column(
        key="agreement",
        title="Agreement",
        better="higher",
        note="Share of the images decoded from a part of the prior that are of the class it was asked to be.",
    ),
    report.Column(
        key="code_agreement",
        title="Codes in their part",
        better="higher",
        note="Share of validation images whose code lies in the part of their class.",
    ),
)

TRAINING = (
    report.Column(key="reconstruction", title="Reconstruction", unit="nats"),
    report.Column(key="judging_prior", title="Discriminator, prior"),
    report.Column(key="judging_code", title="Discriminator, codes"),
    report.Column(key="deceiving", title="Encoder against it"),
    report.Column(key="kl", title="KL", unit="nats"),
)


def make_tables(rows: Sequence[report.Row], measure: Measures) -> list[report.Table]:
    """How codes fill the prior, what images are like, and the classes of each part."""
    tables = [
        report.Table(rows=rows, columns=FIT, caption=f"Codes and prior. {measure.words}"),
        report.Table(rows=rows, columns=IMAGES, caption="Reconstructions, samples, and labels"),
    ]
    informed = [row for row in rows if "agreement_0" in row.metrics]
    if informed:
        parts = sum(key.startswith("agreement_") for key in informed[0].metrics)
        columns = [report.Column(key=f"agreement_{part}", title=str(part)) for part in range(parts)]
        caption = "Agreement by part of the prior"
        tables.append(report.Table(rows=informed, columns=columns, caption=caption))
    return tables


def verdict(rows: Sequence[report.Row]) -> str:
    """What became of the lecture's claims, from the numbers."""
    means = {row.name: {key: summary["mean"] for key, summary in row.metrics.items()} for row in rows}
    return " ".join([*_compared(means), *_informed(means)])


def _compared(means: Mapping[str, Mapping[str, float | None]]) -> Iterator[str]:
    for prior in PRIORS.values():
        for key, what, better in (("holes", "Holes", -1), ("mode_match", "Mode match", 1)):
            vae, aae = (means.get(f"{kind}, {prior}", {}).get(key) for kind in ("VAE", "AAE"))
            if vae is not None and aae is not None:
                turn = "better" if better * (aae - vae) > 0 else "not better"
                yield f"{what} of the {prior} prior, VAE → AAE: {vae:.3f} → {aae:.3f}, {turn}."


def _informed(means: Mapping[str, Mapping[str, float | None]]) -> Iterator[str]:
    for name, values in means.items():
        agreement, told = values.get("agreement"), values.get("two_sample")
        if agreement is not None and told is not None:
            yield f"{name}: {agreement:.1%} of images are of their part's class, two-sample accuracy {told:.3f}."


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
    """
    blocks: list[report.Block] = [*tables]
    if words := verdict(tables[0].rows):
        blocks.append(report.Paragraph(words))
    if not runs:
        return blocks
    show = partial(_picture, experiment)
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
            told = "Codes of validation images by class; dashes are contours of the prior's density."
            blocks.append(show(file, figure, told))
    blocks += _decoded(show, runs)
    blocks.append(report.Heading("Reconstructions"))
    shown = experiment.test_set.images[:_SHOWN]
    again = [(name, np.asarray(run.reconstruct(shown))) for name, run in runs.items()]
    figure = report.comparison([("validation images", shown), *again], columns=_SHOWN)
    blocks.append(show("reconstructions", figure, "Validation images and their reconstructions."))
    return [*blocks, *_curves(experiment, show, parts)]


def _picture(experiment: study.Experiment, file: str, figure: Figure, caption: str) -> report.Picture:
    path = report.save(experiment.workdir.figures / f"{file}.png", figure)
    return report.Picture(path=path, caption=caption, alt=caption)


def _panel(name: str, run: jaxvae.Run, measure: Measures) -> report.CodePlane:
    (prior,) = models.own_priors(run.model)
    log_prob = jax.jit(prior.log_prob)
    return report.CodePlane(
        title=name,
        codes=measure.codes(run),
        log_prob=lambda points: np.asarray(log_prob(jnp.asarray(points))),
        reach=_REACH[run.model.prior],
    )


def _decoded(show: partial[report.Picture], runs: Mapping[str, jaxvae.Run]) -> list[report.Block]:
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


def _values(prior: Prior, name: str) -> np.ndarray:
    """Coordinates of a grid: quantiles of a Gaussian, else equal steps over the plane."""
    if isinstance(prior, models.Normal):
        return np.asarray(prior.quantile(jnp.linspace(0.05, 0.95, _GRID)))
    return np.linspace(-_REACH[name], _REACH[name], _GRID, dtype=np.float32)


def _by_part(run: jaxvae.Run) -> np.ndarray:
    (prior,) = models.own_priors(run.model)
    part = jnp.repeat(jnp.arange(run.model.classes), _SHOWN)
    return np.asarray(run.decode((prior.sample_class(jax.random.key(0), part),)))


def _curves(
    experiment: study.Experiment, show: partial[report.Picture], parts: Sequence[str]
) -> list[report.Block]:
    records = [r for part in parts for r in report.read_records(experiment.workdir.part(part).metrics)]
    columns = [column for column in TRAINING if any(column.key in record for record in records)]
    caption = "Terms over epochs: on training batches (thin) and on validation images (bold)."
    return [report.Heading("Training"), show("curves", report.curves(records, columns), caption)]
