"""Tables of VAE-GANs and their like, and what their numbers say."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from experiments.vae_gan_hybrids.vaegan_measures import Measures
from experiments.vae_gan_hybrids.verdicts import compared, failed
from jaxvae import report

_ABREAST = 6
"""Attributes that fit into the width of a page."""

REAL = "validation images"
"""The row of what the data itself reaches."""

SAMPLES = (
    replace(report.FID, note="Fréchet distance of samples to real images in the features of Inception v3."),
    replace(report.KID, note="Kernel Inception distance, without bias."),
    report.Column(
        key="sharpness",
        title="Sharpness",
        unit="data = 1",
        note="Variance of the Laplacian of samples over that of the data.",
    ),
    report.Column(
        key="diversity",
        title="Diversity",
        unit="data = 1",
        note="Mean distance of pairs of samples in the judging classifier's features over that of the data.",
    ),
    report.Column(
        key="distinctness",
        title="Distinctness",
        unit="data = 1",
        note="Median distance of a sample to the one most like it, at 8 x 8 pixels, over that of the data.",
    ),
)

RECONSTRUCTIONS = (
    report.Column(
        key="mse", title="MSE", digits=4, better="lower", note="Squared error per pixel and channel."
    ),
    report.Column(
        key="feature_distance",
        title="Feature distance",
        better="lower",
        note="Distance of reconstruction and image in the classifier's features, in mean distances of two images.",
    ),
    report.Column(
        key="recognised",
        title="Recognised",
        better="higher",
        note="Share of reconstructions whose own image is the nearest of all in those features.",
    ),
    report.Column(
        key="attributes_kept",
        title="Attributes kept",
        better="higher",
        note="Share of the images' attributes that the classifier finds in their reconstructions.",
    ),
)

ATTRIBUTES = (
    report.Column(
        key="attribute_accuracy",
        title="Accuracy",
        better="higher",
        note="Share of the attributes asked for that the classifier finds, averaged over attributes.",
    ),
    report.Column(
        key="attribute_floor", title="Floor", note="The same if the images had been asked for other vectors."
    ),
    report.Column(
        key="attribute_unseen",
        title="New combinations",
        better="higher",
        note="Accuracy for combinations of attributes that no training image has.",
    ),
    report.Column(
        key="attribute_exact", title="All right", better="higher", note="Share of images with all of them."
    ),
    report.Column(
        key="attribute_cosine",
        title="Cosine",
        better="higher",
        note="Mean cosine of the attributes asked for and those that the classifier finds, in [-1, 1].",
    ),
)

TRAINING = (
    report.Column(key="kl", title="KL", unit="nats"),
    report.Column(key="reconstruction", title="Reconstruction", unit="nats"),
    report.Column(key="feature_likelihood", title="Feature term", unit="nats"),
    report.Column(key="adversarial_real", title="Judging real"),
    report.Column(key="adversarial_reconstruction", title="Judging reconstructed"),
    report.Column(key="adversarial_sample", title="Judging sampled"),
    report.Column(key="gradient_penalty", title="Gradient penalty"),
    report.Column(key="sample_diversity", title="Diversity", unit="data = 1"),
    report.Column(key="decoder_moves", title="Decoder moves", unit="share of steps"),
    report.Column(key="discriminator_moves", title="Discriminator moves", unit="share of steps"),
    report.Column(key="encoder_loss", title="Encoder's loss"),
    report.Column(key="decoder_loss", title="Decoder's loss"),
    report.Column(key="discriminator_loss", title="Discriminator's loss"),
)


def make_tables(rows: Sequence[report.Row], measure: Measures) -> list[report.Table]:
    """Samples, reconstructions, attributes, and attributes one by one."""
    judged = [
        *(row for row in rows if "attribute_accuracy" in row.metrics),
        report.Row(
            name=REAL, metrics=report.summarize([measure.real()]), note="The ceiling of what can be found."
        ),
    ]
    single = [report.Column(key=f"attribute_{place}", title=name) for place, name in enumerate(measure.names)]
    return [
        report.Table(
            rows=rows, columns=_there(SAMPLES, rows) or SAMPLES[2:], caption=f"Samples. {measure.words}"
        ),
        *(
            report.Table(rows=rows, columns=columns, caption="Reconstructions of validation images")
            for columns in [_there(RECONSTRUCTIONS, rows)]
            if columns
        ),
        report.Table(
            rows=judged, columns=_there(ATTRIBUTES, judged), caption="Attributes of conditional samples"
        ),
        *(
            report.Table(
                rows=judged, columns=single[at : at + _ABREAST], caption="Accuracy of single attributes"
            )
            for at in range(0, len(single), _ABREAST)
        ),
    ]


def _there(columns: Sequence[report.Column], rows: Sequence[report.Row]) -> list[report.Column]:
    return [column for column in columns if any(column.key in row.metrics for row in rows)]


def verdict(rows: Sequence[report.Row], *, ceiling: float) -> str:
    """What became of the lecture's claims, from the numbers."""
    vae = "VAE", "VAE-GAN"
    return " ".join(
        [
            *failed(rows),
            *compared(rows, vae, "fid", claim="FID, VAE → VAE-GAN", goal="lower"),
            *compared(rows, vae, "sharpness", claim="Sharpness, VAE → VAE-GAN", goal="one"),
            *_accuracies(rows, ceiling),
        ]
    )


def _accuracies(rows: Sequence[report.Row], ceiling: float) -> Iterator[str]:
    for row in rows:
        found = row.metrics.get("attribute_accuracy")
        if found and found["mean"] is not None:
            accuracy = found["mean"]
            share = accuracy / ceiling
            told = f"attribute accuracy {accuracy:.3f}, {share:.3f} of the ceiling {ceiling:.3f}"
            floor = row.metrics["attribute_floor"]["mean"]
            yield f"{row.name}: {told}; images asked for other attributes reach {floor:.3f}."
