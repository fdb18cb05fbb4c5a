"""Priors, reconstruction losses and initializations of a small VAE on MNIST, compared by FID.

Reproduces the report "Variational Autoencoders" (S. Datta): nine models of one architecture, the perceptual network
that some of them are trained with, and the table of their FIDs. Rows whose networks do the same work train side by
side in one program; what differs between them, the weights of the loss's terms, are arrays of it.

    python -m experiments.vae_losses_mnist

Three more rows, from the report's list of what else one could do, run when they are asked for:

    python -m experiments.vae_losses_mnist --rows BCE beta denoising skip --workdir runs/vae_losses_mnist_more
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

import jaxvae
from jaxvae import cli, data, evaluate, losses, models, report, study, train
from jaxvae.losses import Features
from jaxvae.types import Term


@dataclass(frozen=True, kw_only=True)
class Model:
    """What sets a row's model apart from the others."""

    weights: Mapping[str, float]
    """Weights of the reconstruction's terms; all others are 0."""

    prior: tuple[float, float] = (1.0, 2.0)
    """Mean and standard deviation in every latent dimension."""

    initialization: str = "kaiming_normal"
    """How parameters begin."""

    latent_size: int = 2
    skip: bool = False
    kl: float = 1.0
    """Weight of the KL divergence from the prior."""

    noise: float = 0.0
    """Standard deviation of the noise on the images that the encoder sees."""

    fid: float | None = None
    """What the report states."""

    note: str = ""

    @property
    def program(self) -> str:
        """Name of the program that trains it: models of one name do the same work at each step."""
        extras = {"perceptual": "perceptual" in self.weights, "skip": self.skip, "noise": self.noise > 0}
        return "-".join([f"{self.latent_size}d", *(name for name, used in extras.items() if used)])


REPORTED = (
    "N(0, 1)",
    "N(1, 2)",
    "BCE",
    "MSE",
    "MAE",
    "perceptual",
    "perceptual + BCE",
    "perceptual + MSE",
    "10-D BCE",
)
FURTHER = ("beta", "denoising", "skip")


@dataclass(frozen=True, kw_only=True)
class Config(cli.StudyConfig):
    """Flags of this experiment."""

    workdir: Path = Path("runs/vae_losses_mnist")
    """Directory for everything that the run leaves."""

    rows: tuple[str, ...] = REPORTED
    """Rows of the table, by name: those of the report, and beta, denoising, skip."""

    epochs: int = 15
    """Passes over the training data."""

    learning_rate: float = 1e-4
    """Adam's step size."""

    perceptual_weight: float = 0.01
    """Weight of the perceptual term where it is paired with another."""

    beta: float = 4.0
    """Weight of the KL divergence in the row of that name."""

    noise: float = 0.3
    """Standard deviation of the noise on the inputs in the row "denoising"; pixels are in [0, 1]."""

    def __post_init__(self) -> None:
        """Refuses rows that there are not, and numbers that make no run."""
        super().__post_init__()
        self.require_known("rows", REPORTED + FURTHER)
        self.require_positive("learning_rate", "perceptual_weight", "beta", "noise")


PRESETS = {
    "full": Config,
    "smoke": lambda: Config(
        preset="smoke",
        workdir=Path("runs/vae_losses_mnist_smoke"),
        rows=("N(0, 1)", "MAE", "perceptual + BCE", "10-D BCE"),
        limit=1000,
        epochs=2,
        learning_rate=1e-3,
        classifier_epochs=1,
        samples=16,
        bound_samples=5,
    ),
}

COLUMNS = (
    replace(
        report.FID,
        note="Fréchet distance in the features of Inception v3 between samples and validation images. The report's "
        "is of another Inception v3, so that orders and ratios compare, values do not.",
    ),
    report.Column(key="fid_ratio", title="FID / published", digits=2),
    replace(report.KID, note="Kernel Inception distance, without bias, in the same features."),
    replace(
        report.CLASSIFIER_FID,
        note="The same distance in the classifier's last hidden layer, which knows digits.",
    ),
    replace(
        report.IWAE,
        note="Importance-weighted bound on the validation images, pixels taken as Bernoulli whatever the loss was.",
    ),
    replace(report.ELBO, note="-(BCE + KL)."),
    report.BCE,
    report.Column(key="kl", title="KL", unit="nats", digits=2, note="From the row's own prior."),
    report.SSIM,
    report.Column(key="active_units", title="Active units", digits=0),
    report.PARAMETERS,
)

TRAINING = (
    report.Column(key="bce", title="BCE", unit="nats"),
    report.Column(key="squared_error", title="Squared error, sum over pixels"),
    report.Column(key="absolute_error", title="Absolute error, sum over pixels"),
    report.Column(key="kl", title="KL", unit="nats"),
)

INTRO = (
    "Variational autoencoders of one architecture that differ in prior, reconstruction loss, initialization and size "
    "of the code, after a report that ranks them by FID. The table sets its values beside ours."
)

CONTRASTS = (
    report.Contrast(change="The prior's mean and width", before="N(0, 1)", after="N(1, 2)"),
    report.Contrast(change="Kaiming's initialization instead of PyTorch's", before="N(1, 2)", after="BCE"),
    report.Contrast(change="Squared error as loss", before="BCE", after="MSE"),
    report.Contrast(change="Absolute error as loss", before="BCE", after="MAE"),
    report.Contrast(change="The perceptual loss alone", before="BCE", after="perceptual"),
    report.Contrast(change="The perceptual loss beside BCE", before="BCE", after="perceptual + BCE"),
    report.Contrast(change="The perceptual loss beside MSE", before="MSE", after="perceptual + MSE"),
    report.Contrast(change="A code of 10 dimensions", before="BCE", after="10-D BCE"),
    report.Contrast(change="The weight of the KL divergence", before="BCE", after="beta"),
    report.Contrast(change="Noise on the inputs", before="BCE", after="denoising"),
    report.Contrast(change="The code at every stage of the decoder", before="BCE", after="skip"),
)

TOLD = ("fid", "classifier_fid", "iwae", "ssim")
"""Columns that the contrasts speak of."""

CAUTION = (
    "The published values come from one seed and another Inception network, torchvision's, which was trained and "
    "scaled differently, so that rows close to each other may change places."
)


def make_models(config: Config) -> dict[str, Model]:
    """All rows by name."""
    weight = config.perceptual_weight
    return {
        "N(0, 1)": Model(weights={"bce": 1.0}, prior=(0.0, 1.0), initialization="pytorch", fid=131.7012),
        "N(1, 2)": Model(weights={"bce": 1.0}, initialization="pytorch", fid=132.0186),
        "BCE": Model(weights={"bce": 1.0}, fid=150.64744, note="From here on Kaiming's initialization."),
        "MSE": Model(weights={"squared_error": 1.0}, fid=143.3465),
        "MAE": Model(weights={"absolute_error": 1.0}, fid=98.25),
        "perceptual": Model(weights={"perceptual": 1.0}, fid=323.5575),
        "perceptual + BCE": Model(weights={"perceptual": weight, "bce": 1.0}, fid=180.7325),
        "perceptual + MSE": Model(weights={"perceptual": weight, "squared_error": 1.0}, fid=176.8897),
        "10-D BCE": Model(weights={"bce": 1.0}, latent_size=10, fid=79.7245),
        "beta": Model(weights={"bce": 1.0}, kl=config.beta, note=f"KL weighs {config.beta:g}."),
        "denoising": Model(
            weights={"bce": 1.0}, noise=config.noise, note=f"Noise of {config.noise:g} on inputs."
        ),
        "skip": Model(weights={"bce": 1.0}, skip=True, note="The code reaches every stage of the decoder."),
    }


def kl_name(prior: tuple[float, float]) -> str:
    """Name of the KL divergence from a prior among the loss's terms."""
    return f"kl_{prior[0]:g}_{prior[1]:g}"


def make_terms(
    rows: Mapping[str, Model], features: Features
) -> tuple[dict[str, Term], dict[str, dict[str, float]]]:
    """Terms of a program's loss, and their weights in each row."""
    terms = {
        "bce": losses.reconstruction("bernoulli"),
        "squared_error": losses.distance("squared"),
        "absolute_error": losses.distance("absolute"),
    }
    if any("perceptual" in row.weights for row in rows.values()):
        terms["perceptual"] = losses.perceptual(features)
    for row in rows.values():
        loc, scale = row.prior
        terms[kl_name(row.prior)] = losses.kl(models.Normal(dim=row.latent_size, loc=loc, scale=scale))
    weights = {
        name: dict.fromkeys(terms, 0.0) | dict(row.weights) | {kl_name(row.prior): row.kl}
        for name, row in rows.items()
    }
    return terms, weights


def train_program(
    experiment: study.Experiment, config: Config, name: str, rows: Mapping[str, Model], features: Features
) -> list[jaxvae.Run]:
    """All seeds of the rows that one program trains."""
    row = next(iter(rows.values()))
    shape = experiment.source.dataset.spec.image_shape
    model = models.ConvVAE(shape, row.latent_size, skip=row.skip, layout=experiment.layout)
    own = {n: model.clone(prior=r.prior, initialization=r.initialization) for n, r in rows.items()}
    kinds = {r.initialization for r in rows.values()}
    inits = {kind: partial(models.init, model=model.clone(initialization=kind)) for kind in kinds}
    terms, weights = make_terms(rows, features)
    replicas = [train.Replica(n, config.seed + i, weights[n]) for n in rows for i in range(config.seeds)]
    state = experiment.fit(
        replicas,
        model=model,
        objective=lambda axis: losses.compose(terms, dict.fromkeys(terms, 1.0), axis_name=axis),
        optimizer=train.adam(config.learning_rate),
        epochs=config.epochs,
        init={n: inits[r.initialization] for n, r in rows.items()},
        validation=experiment.batches[::5],
        corrupt=partial(data.add_noise, stddev=row.noise) if row.noise else None,
        part=name,
        models={n: models.describe(m) for n, m in own.items()},
    )
    return experiment.runs(replicas, state, model=model, part=name, models=own)


def main(config: Config) -> None:
    """Trains the perceptual network and all rows, measures them and writes the report."""
    experiment = study.Experiment.prepare("vae_losses_mnist", config)
    if len(experiment.test_set) < 2:
        raise ValueError("a Fréchet distance needs at least 2 validation images, got 1; raise --limit.")
    inception = evaluate.load_inception(config.inception) if config.fid else None
    rows = {name: row for name, row in make_models(config).items() if name in config.rows}
    programs: dict[str, dict[str, Model]] = {}
    for name, row in rows.items():
        programs.setdefault(row.program, {})[name] = row
    open_workdir(experiment, config, rows)

    judge = study.train_feature_classifier(experiment, epochs=config.classifier_epochs)
    trained: dict[str, list[jaxvae.Run]] = {name: [] for name in rows}
    for name, of_program in programs.items():
        for run in train_program(experiment, config, name, of_program, judge.features):
            trained[run.variant].append(run)

    measure = study.Measures(
        experiment,
        judge,
        samples=config.samples,
        bound_samples=config.bound_samples,
        inception=inception,
        resize=config.resize,
    )
    table = [
        make_row(
            name,
            rows[name],
            [measure(run) | {"parameters": run.parameters} for run in trained[name]],
            data=config.data,
        )
        for name in tqdm(rows, desc="measuring", unit="row")
    ]
    show(experiment, rows, table, {name: runs[0] for name, runs in trained.items()}, judge, measure)


def open_workdir(experiment: study.Experiment, config: Config, rows: Mapping[str, Model]) -> None:
    """Makes the directory ready; its config.json says which part of it holds which row."""
    replicas = [train.Replica(name, config.seed + i, {}) for name in rows for i in range(config.seeds)]
    model = models.ConvVAE(experiment.source.dataset.spec.image_shape, layout=experiment.layout)
    record = experiment.record(model, replicas, parts={name: row.program for name, row in rows.items()})
    experiment.workdir.open(record, resume=config.resume, overwrite=config.overwrite)


def make_row(name: str, row: Model, seeds: Sequence[dict[str, float]], *, data: str) -> report.Row:
    """A row of the table from what was measured of each seed; the report's values are of MNIST."""
    if row.fid is None or data != "mnist":
        return report.Row(name=name, metrics=report.summarize(seeds), note=row.note)
    ratios = [m | ({"fid_ratio": m["fid"] / row.fid} if "fid" in m else {}) for m in seeds]
    return report.Row(name=name, metrics=report.summarize(ratios), published={"fid": row.fid}, note=row.note)


def show(
    experiment: study.Experiment,
    rows: Mapping[str, Model],
    table: Sequence[report.Row],
    runs: Mapping[str, jaxvae.Run],
    judge: study.FeatureClassifier,
    measure: study.Measures,
) -> None:
    """Draws the figures from the first seed of each row, and writes report.html, metrics.jsonl and results.json."""
    workdir, test_set = experiment.workdir, experiment.test_set
    correlation, words = report.compare_orders(table, COLUMNS[0])
    workdir.merge_metrics(list(dict.fromkeys(row.program for row in rows.values())))
    records = report.read_records(workdir.metrics)
    curves = report.curves([r | {"kl": r[kl_name(rows[r["variant"]].prior)]} for r in records], TRAINING)
    caption = "Terms of the loss over epochs: on training batches (thin) and on validation images (bold)."
    shown = [c for c in COLUMNS if any(c.key in row.metrics for row in table)]
    distances = [column for column in shown if column.key in ("fid", "classifier_fid")]
    told = [column for key in TOLD for column in shown if column.key == key]
    obtained = report.Table(rows=table, columns=shown, caption=measure.words)
    blocks: list[report.Block] = [
        obtained,
        report.Paragraph(
            f"The perceptual network classifies {judge.accuracy:.2%} of the validation images rightly."
        ),
        *report.distance_blocks(
            workdir.figures, table, distances, words=f"{words} {CAUTION}" if correlation < 1 else words
        ),
        *report.contrast_blocks(CONTRASTS, table, told),
        *report.model_blocks(
            workdir.figures,
            [study.view_model(run, test_set) for run in runs.values()],
            originals=test_set.images[:16].astype(np.float32) / 255,
            labels=test_set.labels,
            class_names=test_set.spec.class_names,
        ),
        report.Heading("Training"),
        report.picture(workdir.figures / "curves.png", curves, caption),
    ]
    experiment.publish(
        title="Priors and reconstruction losses of a VAE",
        intro=INTRO,
        tables=[obtained],
        blocks=blocks,
        summary={"classifier_accuracy": judge.accuracy, "spearman_fid": correlation, **measure.protocol},
        words=words,
    )


if __name__ == "__main__":
    cli.launch(main, PRESETS, description=__doc__)
