"""Tables of VAE-GANs and their like, and what their numbers say."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from experiments.vae_gan_hybrids.vaegan_measures import Measures
from jaxvae import report

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
    report.PARAMETERS,
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
    report.Column(key="feature_likelihood", title="Feature likelihood", unit="nats"),
    report.Column(key="judging_real", title="Discriminator, real"),
    report.Column(key="judging_reconstruction", title="Discriminator, reconstructions"),
    report.Column(key="judging_sample", title="Discriminator, samples"),
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
            rows=rows, columns=_there(SAMPLES, rows) or SAMPLES[2:4], caption=f"Samples. {measure.words}"
        ),
        *(
            report.Table(rows=rows, columns=columns, caption="Reconstructions of validation images")
            for columns in [_there(RECONSTRUCTIONS, rows)]
            if columns
        ),
        report.Table(
            rows=judged, columns=_there(ATTRIBUTES, judged), caption="Attributes of conditional samples"
        ),
        report.Table(rows=judged, columns=single, caption="Accuracy of single attributes"),
    ]


def _there(columns: Sequence[report.Column], rows: Sequence[report.Row]) -> list[report.Column]:
    return [column for column in columns if any(column.key in row.metrics for row in rows)]


def verdict(rows: Sequence[report.Row], *, ceiling: float) -> str:
    """What became of the lecture's claims, from the numbers."""
    means = {row.name: {key: summary["mean"] for key, summary in row.metrics.items()} for row in rows}
    return " ".join(_claims(means, ceiling))


def _claims(means: Mapping[str, Mapping[str, float | None]], ceiling: float) -> Iterator[str]:
    for name, values in means.items():
        if not values:
            yield f"{name} failed."
    for key, what, better in (("fid", "FID", -1), ("sharpness", "Sharpness", 1)):
        vae, hybrid = (means.get(name, {}).get(key) for name in ("VAE", "VAE-GAN"))
        if vae is not None and hybrid is not None:
            turn = "better" if better * (hybrid - vae) > 0 else "not better"
            yield f"{what}, VAE → VAE-GAN: {vae:.3f} → {hybrid:.3f}, {turn}."
    for name, values in means.items():
        accuracy = values.get("attribute_accuracy")
        if accuracy is not None:
            yield f"{name}: attribute accuracy {accuracy:.3f}, {accuracy / ceiling:.3f} of the ceiling {ceiling:.3f}."
