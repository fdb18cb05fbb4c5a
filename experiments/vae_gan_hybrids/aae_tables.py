"""Tables of adversarial autoencoders, and what their numbers say."""

from collections.abc import Iterator, Sequence

from experiments.vae_gan_hybrids.aae_measures import Measures
from experiments.vae_gan_hybrids.aae_rows import PRIORS
from experiments.vae_gan_hybrids.verdicts import Goal, compared, failed
from jaxvae import report

FIT = (
    report.Column(
        key="two_sample",
        title="Two-sample test",
        better="lower",
        note="How often the nearest neighbours of a point tell codes from draws; 0.5 where they cannot.",
    ),
    report.Column(
        key="holes",
        title="Holes",
        better="lower",
        note="Share of draws from the prior that no codes are as near as other draws; 0.05 where both have one "
        "distribution.",
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
        note="1 minus the total variation between codes and prior over the dense places of its parts and the rest.",
    ),
)

IMAGES = (
    report.BCE,
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
        title="Codes",
        better="higher",
        note="Share of validation images whose code lies in the part of their class.",
    ),
)

TRAINING = (
    report.Column(key="reconstruction", title="Reconstruction", unit="nats"),
    report.Column(key="adversarial_prior", title="Discriminator, prior"),
    report.Column(key="adversarial_code", title="Discriminator, codes"),
    report.Column(key="generator_code", title="Encoder against it"),
    report.Column(key="gradient_penalty", title="Gradient penalty"),
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
    return " ".join([*failed(rows), *_compared(rows), *_informed(rows)])


def _compared(rows: Sequence[report.Row]) -> Iterator[str]:
    claims: tuple[tuple[str, str, Goal], ...] = (
        ("holes", "Holes", "lower"),
        ("mode_match", "Mode match", "higher"),
    )
    for prior in PRIORS.values():
        for key, what, goal in claims:
            claim = f"{what} of the {prior} prior, VAE → AAE"
            yield from compared(rows, (f"VAE, {prior}", f"AAE, {prior}"), key, claim=claim, goal=goal)


def _informed(rows: Sequence[report.Row]) -> Iterator[str]:
    for row in rows:
        means = {key: row.metrics[key]["mean"] for key in ("agreement", "two_sample") if key in row.metrics}
        agreement, told = means.get("agreement"), means.get("two_sample")
        if agreement is not None and told is not None:
            share = f"{agreement:.1%} of images are of their part's class"
            yield f"{row.name}: {share}, two-sample accuracy {told:.3f}."
