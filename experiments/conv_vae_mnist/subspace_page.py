"""What the page shows of the latent subspace."""

import numpy as np
from jaxtyping import Float

import jaxvae
from jaxvae import data, report, study

FREE, SPLIT = "head alone", "head and independence"
"""The variants: a head on w tells the label; and z is made independent of it."""

STEPS = 11
"""Places of w in the figure of its traversal."""

LINES = 4
"""Images of each label in it."""

COLUMNS = (
    report.Column(
        key="w_accuracy",
        title="Label from w",
        digits=4,
        better="higher",
        note="Share of the validation images whose label the head on w tells from the posterior mean.",
    ),
    report.Column(
        key="z_accuracy",
        title="Label from z",
        digits=4,
        better="lower",
        note="The same by a network with a hidden layer, trained to tell it from the posterior means of z.",
    ),
    report.Column(
        key="chance",
        title="Chance",
        digits=4,
        note="Share of the more frequent label: what knowing nothing gives.",
    ),
    report.Column(
        key="switched",
        title="Switched",
        digits=4,
        better="higher",
        note="Share of validation images that a classifier of digits takes for the other label once w is exchanged for "
        "that of an image with the other label, z kept.",
    ),
    report.ELBO,
    report.BCE,
    report.Column(key="kl", title="KL", unit="nats", digits=1),
)


def make_blocks(
    experiment: study.Experiment, runs: dict[str, jaxvae.Run], validation: data.Dataset
) -> list[report.Block]:
    """Codes by label, and images while w moves from one label to the other."""
    figures, names = experiment.workdir.figures, validation.spec.class_names
    codes = {name: [np.asarray(q.mean) for q in run.encode(validation.images)] for name, run in runs.items()}
    panels = [(f"{part}, {name}", of[level]) for name, of in codes.items() for level, part in enumerate("wz")]
    planes = report.embedding(panels, validation.labels, class_names=names)
    rows = traverse(runs[SPLIT], validation)
    blocks: list[report.Block] = []
    for file, figure, caption in (
        (
            "subspace.png",
            planes,
            "Posterior means of validation images by label, first seed: w on the left, the principal plane of z on the "
            "right; circles are one and two standard deviations of the prior.",
        ),
        (
            "switch.png",
            report.comparison(
                [(f"original; w from {names[0]} to {names[1]}, z held", rows)], columns=STEPS + 1
            ),
            "Each line one validation image (left) and its reconstructions while w moves along the line through the "
            f"mean codes of “{names[0]}” and “{names[1]}” and z stays; model “{SPLIT}”, first seed.",
        ),
    ):
        blocks.append(report.picture(figures / file, figure, caption))
    return blocks


def traverse(run: jaxvae.Run, validation: data.Dataset) -> Float[np.ndarray, "n h w c"]:
    """Lines of images: one of the validation images, then what it becomes while w moves and z stays."""
    w, z = (np.asarray(q.mean) for q in run.encode(validation.images))
    ends = [w[validation.labels == label].mean(axis=0) for label in (0, 1)]
    middle, direction = (ends[0] + ends[1]) / 2, (ends[1] - ends[0]) / 2
    line = middle + np.linspace(-2, 2, STEPS, dtype=np.float32)[:, None] * direction
    fewest = int(np.bincount(validation.labels).min())
    chosen = [np.flatnonzero(validation.labels == label)[: min(LINES, fewest)] for label in (0, 1)]
    lines = []
    for place in np.ravel(chosen, order="F"):
        original = validation.images[place : place + 1].astype(np.float32) / 255
        decoded = run.decode((line, np.repeat(z[place : place + 1], STEPS, axis=0)))
        lines += [original, np.asarray(decoded)]
    return np.concatenate(lines)
