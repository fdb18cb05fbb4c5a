"""What the page says and shows of the VAE-GAN and its baselines: tables, samples, and edited attributes."""

from collections.abc import Iterator, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

import jaxvae
from experiments.vae_gan_hybrids.vaegan_measures import Measures, Vectors
from jaxvae import data, evaluate, report, study
from jaxvae.images import as_floats

REAL = "held-out images"
"""The row of what the data itself reaches."""

SAMPLES = report.columns("fid", "kid", "sharpness_ratio", "diversity", "distinctness")
REGIONS = {"centre": "centre", "border": "border"}
"""Where images are looked at: in a disc around their middle, and outside of it."""

VIEWS = report.columns(
    "local_distance",
    "global_distance",
    "certainty",
    *report.family("sharpness_{}", REGIONS),
    *report.family("error_{}", REGIONS),
)

RECONSTRUCTIONS = report.columns("mse", "feature_distance", "recognised", "attributes_kept")
ATTRIBUTES = report.columns(
    "attribute_accuracy", "attribute_floor", "attribute_unseen", "attribute_exact", "attribute_cosine"
)

_ABREAST = 6
"""Attributes that fit into the width of a page."""

_ENCODED = 20_000
"""Images at most whose codes make the attribute vectors."""

_FACES = 8
_STEPS = (-1.5, -0.75, 0.0, 0.75, 1.5)
_SAME_CODES = 12
_COMBINATIONS = 6
_SHOWN, _DRAWN = 16, 32

_SAMPLES = (
    "Held-out images, and samples of each model; models with attributes were asked for those of the held-out "
    "images, in the first line for those of the image above."
)


def make_tables(
    experiment: study.Experiment, trained: Mapping[str, study.Trained], measures: Measures
) -> list[report.Table]:
    """Samples, reconstructions, attributes, and attributes one by one."""
    samples = experiment.table(trained, measures, SAMPLES, caption=f"Samples. {measures.words}")
    rows, ceiling = samples.rows, "The ceiling of what can be found."
    conditional = [row for row in rows if "attribute_accuracy" in row.metrics]
    real = report.Row(name=REAL, metrics=report.summarize([measures.real()]), note=ceiling)
    single = report.family("attribute_{}", dict(enumerate(measures.names)))
    parts = [single[at : at + _ABREAST] for at in range(0, len(single), _ABREAST)]
    tables = [
        samples,
        report.Table(
            rows=rows, columns=VIEWS, caption="In places and as a whole; in the centre and at the border"
        ),
        report.Table(rows=rows, columns=RECONSTRUCTIONS, caption="Reconstructions of held-out images"),
        *(
            report.Table(rows=[*conditional, real], columns=columns, caption=caption)
            for columns, caption in [
                (ATTRIBUTES, "Attributes of conditional samples"),
                *((part, "Accuracy of single attributes") for part in parts),
            ]
        ),
    ]
    return [table for table in tables if table is samples or table.columns]


def verdict(rows: Sequence[report.Row], *, ceiling: float) -> str:
    """What became of the lecture's claims, from the numbers."""
    return " ".join(
        [
            *report.failed(rows),
            *_compared(rows),
            *_conditional(rows),
            *_regions(rows),
            *_accuracies(rows, ceiling),
        ]
    )


def _compared(rows: Sequence[report.Row]) -> Iterator[str]:
    """VAE-GANs against both of their parents, and a GAN against a VAE: sharp in places, right as a whole."""
    fid, local, whole, sharpness = report.columns(
        "fid", "local_distance", "global_distance", "sharpness_ratio"
    )
    for suffix in ("", ", attributes"):
        vae, gan, both = (f"{name}{suffix}" for name in ("VAE", "GAN", "VAE-GAN"))
        yield from report.compare_means(rows, (vae, both), fid)
        yield from report.compare_means(rows, (vae, both), sharpness, goal="one")
        yield from report.compare_means(rows, (vae, gan), local)
        yield from report.compare_means(rows, (gan, vae), whole)
        yield from report.compare_means(rows, (vae, both), local)
        yield from report.compare_means(rows, (gan, both), whole)


def _conditional(rows: Sequence[report.Row]) -> Iterator[str]:
    """The lecture's closing claim: the VAE-GAN generates what it is asked for better than the VAE."""
    for rival in ("VAE, attributes", "GAN, attributes"):
        for column in report.columns("attribute_accuracy", "attribute_unseen", "attribute_cosine"):
            claim = f"{column.title} of attributes, {rival} → VAE-GAN, attributes"
            yield from report.compare_means(rows, (rival, "VAE-GAN, attributes"), column, claim=claim)


def _regions(rows: Sequence[report.Row]) -> Iterator[str]:
    for row in rows:
        summaries = [row.metrics.get(f"sharpness_{region}") for region in REGIONS]
        means = [summary["mean"] for summary in summaries if summary]
        if row.name in ("VAE", "VAE, attributes") and len(means) == 2 and None not in means:
            centre, border = (mean or 0.0 for mean in means)
            seeds = report.few_seeds(*filter(None, summaries))
            yield f"{row.name}: sharpness {centre:.3f} of the data's in the centre, {border:.3f} at the border{seeds}."


def _accuracies(rows: Sequence[report.Row], ceiling: float) -> Iterator[str]:
    for row in rows:
        summary = row.metrics.get("attribute_accuracy")
        if summary and summary["mean"] is not None:
            accuracy, floor = summary["mean"], row.metrics["attribute_floor"]["mean"]
            reached = (
                f"attribute accuracy {accuracy:.3f}, {accuracy / ceiling:.3f} of the ceiling {ceiling:.3f}"
            )
            yield f"{row.name}: {reached}; images asked for other attributes reach {floor:.3f}."


def make_blocks(
    experiment: study.Experiment,
    tables: Sequence[report.Table],
    runs: Mapping[str, jaxvae.Run],
    measures: Measures,
    *,
    words: str,
) -> list[report.Block]:
    """Tables and figures of the first seed of each variant.

    Args:
        experiment: the run.
        tables: the results.
        runs: a trained model of each variant that did not fail.
        measures: what they were measured with.
        words: what became of the claims.

    Returns:
        In the page's order; the figures are also saved as PNG.
    """
    originals = as_floats(experiment.test_set.images[:_SHOWN])
    drawn = [(name, measures.samples(run, _DRAWN)) for name, run in runs.items()]
    reconstructed = [
        (name, measures.reconstruct(run, _SHOWN))
        for name, run in runs.items()
        if measures.kinds[name] != "gan"
    ]
    figure = report.comparison([(REAL, originals), *drawn], columns=_SHOWN)
    blocks: list[report.Block] = [
        *tables,
        *([report.Paragraph(words)] if words else []),
        report.Heading("Samples"),
        experiment.picture("samples", figure, _SAMPLES),
    ]
    if reconstructed:
        figure = report.comparison([(REAL, originals), *reconstructed], columns=_SHOWN)
        caption = _reconstructed(len(reconstructed) < len(runs))
        blocks += [
            report.Heading("Reconstructions"),
            experiment.picture("reconstructions", figure, caption),
        ]
    return [*blocks, *_attribute_blocks(experiment, runs, measures)]


def _reconstructed(without: bool) -> str:
    caption = "Held-out images and their reconstructions from the means of their codes."
    reason = " A GAN is not among them: its encoder is trained to put out the prior, whatever the image."
    return caption + reason if without else caption


def _attribute_blocks(
    experiment: study.Experiment, runs: Mapping[str, jaxvae.Run], measures: Measures
) -> list[report.Block]:
    blocks: list[report.Block] = []
    hybrids = {name: run for name, run in runs.items() if measures.kinds[name] == "vaegan"}
    for run in hybrids.values():
        if run.model.label_field:
            blocks.append(experiment.picture("combinations", *by_combination(run, measures)))
            blocks.append(experiment.picture("edited", *edited(experiment, run, measures)))
        else:
            blocks.append(experiment.picture("vectors", *moved(experiment, run, measures.names)))
    return [report.Heading("Attributes"), *blocks] if blocks else []


def by_combination(run: jaxvae.Run, measures: Measures) -> tuple[Figure, str]:
    """The same codes under several combinations of attributes, those that training has not seen if there are any.

    Args:
        run: a conditional model.
        measures: knows the combinations.

    Returns:
        A figure with a line for each combination, and its caption.
    """
    unseen = len(measures.unseen) > 0
    chosen = (measures.unseen if unseen else np.unique(measures.wanted, axis=0))[:_COMBINATIONS]
    (prior,) = run.autoencoder.priors
    codes = prior.sample(jax.random.key(run.seed), _SAME_CODES)
    groups = []
    for wanted in chosen:
        labels = np.repeat(wanted[None], _SAME_CODES, axis=0)
        has = [name for name, value in zip(measures.names, wanted, strict=True) if value]
        groups.append(
            (", ".join(has) or "none of the attributes", np.asarray(run.decode((codes,), labels=labels)))
        )
    seen = "combinations of attributes that no training image has" if unseen else "combinations of attributes"
    return (
        report.comparison(groups, columns=_SAME_CODES),
        f"{run.variant}: the same draws from the prior decoded with {seen}, a combination a line.",
    )


def edited(experiment: study.Experiment, run: jaxvae.Run, measures: Measures) -> tuple[Figure, str]:
    """Held-out images encoded, and decoded with one attribute turned around, or as one of their classes.

    Args:
        experiment: the run.
        run: a conditional model.
        measures: knows the attributes' names.

    Returns:
        A figure with a line for each attribute, and its caption. Attributes of which every image has exactly one are
        classes, and each image is made one of each.
    """
    classes = bool((measures.truth.sum(axis=1) == 1).all())
    test = experiment.test_set
    images, labels = test.images[:_FACES], measures.truth[:_FACES]
    codes = tuple(q.mean for q in run.encode(images, labels=labels))
    groups = [
        ("held-out images", as_floats(images)),
        ("reconstructed", np.asarray(run.decode(codes, labels=labels))),
    ]
    for place, name in enumerate(measures.names):
        changed = changed_attributes(labels, place, classes=classes)
        title = f"as {name}" if classes else f"{name} turned around"
        groups.append((title, np.asarray(run.decode(codes, labels=changed))))
    done = "decoded as each class" if classes else "one of their attributes turned around, and decoded"
    return (
        report.comparison(groups, columns=_FACES),
        f"{run.variant}: images encoded to the means of their codes, {done}.",
    )


def changed_attributes(labels: Vectors, place: int, *, classes: bool) -> Vectors:
    """The attributes of edited images.

    Args:
        labels: [n, k], what they have.
        place: of the attribute to change.
        classes: whether attributes are classes, of which an image has exactly one.

    Returns:
        [n, k], with that attribute turned around; of classes, with that one alone.
    """
    changed = np.zeros_like(labels) if classes else labels.copy()
    changed[:, place] = True if classes else ~labels[:, place]
    return changed


def moved(experiment: study.Experiment, run: jaxvae.Run, names: Sequence[str]) -> tuple[Figure, str]:
    """A held-out image's code moved along the visual vector of each attribute.

    Args:
        experiment: the run.
        run: a model that is not conditional.
        names: of the attributes.

    Returns:
        A figure with a line for each attribute, and its caption.
    """
    vectors = attribute_vectors(run, experiment.train_set)
    (posterior,) = run.encode(experiment.test_set.images[:1])
    steps = jnp.asarray(_STEPS)[:, None]
    groups = [
        (name, np.asarray(run.decode((posterior.mean + steps * vectors[place][None],))))
        for place, name in enumerate(names)
    ]
    listed = ", ".join(f"{step:g}" for step in _STEPS)
    return (
        report.comparison(groups, columns=len(_STEPS)),
        f"{run.variant}: a held-out image's code plus {listed} times the difference of the mean codes of images with "
        "and without each attribute.",
    )


def attribute_vectors(run: jaxvae.Run, dataset: data.Dataset) -> Float[jax.Array, "k d"]:
    """Visual attribute vectors of a model that is not conditional, from at most `_ENCODED` images.

    Raises:
        ValueError: images without attributes.
    """
    if dataset.attributes is None:
        raise ValueError("attribute vectors need images with attributes, got none.")
    (posterior,) = run.encode(dataset.images[:_ENCODED])
    return jnp.asarray(evaluate.attribute_vectors(posterior.mean, dataset.attributes.values[:_ENCODED]))
