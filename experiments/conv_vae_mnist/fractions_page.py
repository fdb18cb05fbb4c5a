"""What the page says and shows of classifiers that learn from generated images."""

import numpy as np

from jaxvae import report, study

ALONE, FAIR, LEAKY = "real images alone", "with generated images", "with images of a generator that saw all"

PARTS = {ALONE: "alone", FAIR: "fair", LEAKY: "leaky"}
"""Names of the settings in the run's directory, in the order of the table."""

PUBLISHED = {ALONE: {1.0: 0.9847}, FAIR: {1.0: 0.9869}, LEAKY: {0.2: 0.9693, 0.5: 0.9797}}
"""Test accuracy that the report states, by setting and share of MNIST; its generator saw all of MNIST."""

ACCURACY = report.Column(
    key="accuracy",
    title="Test accuracy",
    digits=4,
    better="higher",
    note="Share of the validation images that the classifier takes for what they are. All classifiers are trained for "
    "the same number of steps; where there are generated images, they are half of what is shown.",
)

INTRO = (
    "The report trains a classifier on generated digits and a share of MNIST. Its generator had seen all of MNIST, so "
    "that what the classifier learns from generated digits includes labels that its own share does not have. Here a "
    "generator sees the classifier's share only, unless the row says otherwise; classifiers on the share alone are the "
    "control that the report lacks. With none of MNIST, only a generator that saw more can teach anything."
)

Accuracies = dict[str, dict[float, list[float]]]
"""Test accuracies over seeds, by setting and share."""


def make_rows(accuracies: Accuracies, *, mnist: bool) -> list[report.Row]:
    """A row for each setting and share; what the report states is of MNIST."""
    return [
        report.Row(
            name=f"{report.percent(share)}, {setting}",
            metrics=report.summarize([{"accuracy": value} for value in values]),
            published={"accuracy": PUBLISHED[setting][share]}
            if mnist and share in PUBLISHED[setting]
            else {},
        )
        for setting, by_share in accuracies.items()
        for share, values in by_share.items()
    ]


def tell(accuracies: Accuracies) -> str:
    """What generated images do to the accuracy, share by share."""
    shares = sorted({share for by_share in accuracies.values() for share in by_share})
    sentences = []
    for share in shares:
        there = [(setting, by_share[share]) for setting, by_share in accuracies.items() if share in by_share]
        told = ", ".join(f"{np.mean(values):.2%} {setting}" for setting, values in there)
        sentences.append(f"{report.percent(share)} of the training data: {told}")
    return f"Test accuracy at {'; '.join(sentences)}."


def picture(experiment: study.Experiment, accuracies: Accuracies, *, mnist: bool) -> report.Picture:
    """Accuracies against the share of the data, the report's beside them."""
    series = [
        report.Series(
            name=setting,
            x=list(by_share),
            mean=[float(np.mean(values)) for values in by_share.values()],
            std=[float(np.std(values, ddof=1)) if len(values) > 1 else None for values in by_share.values()],
        )
        for setting, by_share in accuracies.items()
        if by_share
    ]
    published = PUBLISHED[FAIR] | PUBLISHED[LEAKY] if mnist else {}
    figure = report.accuracy_curves(
        series, x_label="share of the training data", y_label="test accuracy", published=published
    )
    caption = (
        "Test accuracy against the share of the data that a classifier saw, with standard deviations over seeds; "
        "the report's values are of its own setting, whose generator saw all of MNIST."
    )
    return report.picture(experiment.workdir.figures / "fractions.png", figure, caption)
