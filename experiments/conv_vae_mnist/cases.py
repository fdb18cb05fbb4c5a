"""Part one: the twelve cases, trained side by side where their networks do the same work, measured and shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from tqdm import tqdm

import jaxvae
from experiments.conv_vae_mnist.config import Config
from experiments.conv_vae_mnist.section import Section
from experiments.conv_vae_mnist.table import BEST, CASES
from jaxvae import evaluate, losses, models, report, study, train

WIDTHS = (32, 64, 128, 256)
"""Channels of the convolutions, from the image inwards."""

COLUMNS = (
    report.Column(
        key="elbo",
        title="ELBO",
        unit="nats",
        digits=1,
        better="higher",
        note="-(BCE + KL) on the validation images, whatever the KL weighed in training.",
    ),
    report.Column(key="bce", title="BCE", unit="nats", digits=1, better="lower"),
    report.Column(key="kl", title="KL", unit="nats", digits=2),
    report.Column(
        key="iwae",
        title="log p(x)",
        unit="nats",
        digits=1,
        better="higher",
        note="Importance-weighted bound on the validation images.",
    ),
    report.Column(key="ssim", title="SSIM", better="higher"),
    report.Column(
        key="classifier_fid",
        title="Classifier FID",
        digits=1,
        better="lower",
        note="Fréchet distance of samples to validation images in the last hidden layer of a classifier of digits.",
    ),
    report.Column(
        key="fid",
        title="FID",
        digits=1,
        better="lower",
        note="The same in the features of Inception v3. From this few images it is larger than from ten thousand, for "
        "all cases alike.",
    ),
    report.Column(
        key="kid", title="KID", digits=4, better="lower", note="Kernel Inception distance, without bias."
    ),
)

TRAINING = (
    report.Column(key="loss", title="Loss", unit="nats"),
    report.Column(key="bce", title="BCE", unit="nats"),
    report.Column(key="kl", title="KL", unit="nats"),
)

CONTRASTS = (
    report.Contrast(change="A third convolution", before="base", after="more layers"),
    report.Contrast(change="A ten times larger learning rate", before="base", after="lr 1e-2"),
    report.Contrast(change="A ten times smaller learning rate", before="base", after="lr 1e-4"),
    report.Contrast(change="Gradient descent in place of Adam", before="base", after="momentum 0.9"),
    report.Contrast(change="More momentum", before="momentum 0.9", after="momentum 0.99"),
    report.Contrast(change="Dropout in the encoder", before="base", after="dropout in encoder"),
    report.Contrast(
        change="Dropout in the decoder too", before="dropout in encoder", after="dropout in both"
    ),
    report.Contrast(
        change="Twice the epochs, with dropout",
        before="dropout in both",
        after="dropout in both, more epochs",
    ),
    report.Contrast(change="A code of 5 dimensions", before="base", after="5-D"),
    report.Contrast(change="A third convolution, with 5 dimensions", before="5-D", after=BEST),
)

RATES = ("base", "lr 1e-2", "lr 1e-4")
DROPOUT = ("base", "dropout in encoder", "dropout in both", "dropout in both, more epochs")


@dataclass(frozen=True, kw_only=True)
class Case:
    """A case with all that decides it.

    Attributes:
        layers: convolutions of the encoder.
        latent_size: dimensions of the code.
        encoder_dropout: share of the encoder's activations dropped in training.
        decoder_dropout: the same of the decoder.
        beta: weight of the KL divergence.
        optimizer: "adam" or "sgd".
        momentum: of the optimizer.
        learning_rate: of the optimizer.
        epochs: passes over the training data.
    """

    layers: int
    latent_size: int
    encoder_dropout: float
    decoder_dropout: float
    beta: float
    optimizer: str
    momentum: float
    learning_rate: float
    epochs: int

    @property
    def program(self) -> str:
        """Name of the program that trains it: cases of one name do the same work at each step."""
        dropped = [side for side in ("encoder", "decoder") if getattr(self, f"{side}_dropout")]
        dropout = ["dropout", *dropped] if dropped else []
        sizes = (f"{self.latent_size}d", f"{self.layers}layers", self.optimizer, f"{self.epochs}epochs")
        return "-".join(["cases", *sizes, *dropout])

    @property
    def hyper(self) -> dict[str, float]:
        """What may differ between replicas of one program."""
        rates = {n: getattr(self, n) for n in ("encoder_dropout", "decoder_dropout") if getattr(self, n)}
        return {"kl": self.beta, "learning_rate": self.learning_rate, "momentum": self.momentum} | rates


def make_cases(config: Config) -> dict[str, Case]:
    """The cases that are asked for, by name."""
    base = Case(**{field.name: getattr(config, field.name) for field in fields(Case)})
    cases = {}
    for name in config.cases:
        change = CASES[name]
        times = {field: round(factor * getattr(base, field)) for field, factor in change.times.items()}
        cases[name] = replace(base, **change.fields, **times)
    return cases


def make_model(experiment: study.Experiment, case: Case) -> models.DropoutVAE:
    """The network of a case."""
    return models.DropoutVAE(
        experiment.source.dataset.spec.image_shape,
        (case.latent_size,),
        WIDTHS[: case.layers],
        encoder_dropout=case.encoder_dropout,
        decoder_dropout=case.decoder_dropout,
        layout=experiment.layout,
    )


def make_replicas(config: Config, name: str, case: Case) -> list[train.Replica]:
    """All seeds of a case."""
    return [train.Replica(name, config.seed + place, case.hyper) for place in range(config.seeds)]


def train_program(
    experiment: study.Experiment, config: Config, program: str, cases: Mapping[str, Case]
) -> list[jaxvae.Run]:
    """All seeds of the cases that one program trains."""
    own = {name: make_model(experiment, case) for name, case in cases.items()}
    case, model = next(iter(cases.values())), next(iter(own.values()))
    terms = {"bce": losses.reconstruction("bernoulli"), "kl": losses.kl(models.own_priors(model))}
    replicas = [each for name, case in cases.items() for each in make_replicas(config, name, case)]
    state = experiment.fit(
        replicas,
        model=model,
        objective=lambda axis: losses.compose(terms, {"bce": 1.0, "kl": 1.0}, axis_name=axis),
        optimizer=train.tunable(case.optimizer),
        tuned=train.TUNABLE,
        arguments=tuple(name for name in case.hyper if name.endswith("_dropout")),
        epochs=case.epochs,
        validation=experiment.batches[::5],
        part=program,
        models={name: models.describe(model) for name, model in own.items()},
    )
    return experiment.runs(replicas, state, model=model, part=program, models=own)


def run(
    experiment: study.Experiment, config: Config, judge: study.Judge, inception: evaluate.Inception | None
) -> Section:
    """Trains, measures and shows the cases."""
    cases = make_cases(config)
    programs: dict[str, dict[str, Case]] = {}
    for name, case in cases.items():
        programs.setdefault(case.program, {})[name] = case
    trained: dict[str, list[jaxvae.Run]] = {name: [] for name in cases}
    for program, of_program in programs.items():
        for each in train_program(experiment, config, program, of_program):
            trained[each.variant].append(each)
    measure = study.Measures(
        experiment,
        judge,
        samples=config.samples,
        bound_samples=config.bound_samples,
        inception=inception,
        inception_samples=config.fid_samples,
        resize=config.resize,
    )
    rows = [
        report.Row(
            name=name,
            metrics=report.summarize([measure(each) for each in trained[name]]),
            note=CASES[name].note,
        )
        for name in tqdm(cases, desc="measuring", unit="case")
    ]
    shown = [column for column in COLUMNS if any(column.key in row.metrics for row in rows)]
    table = report.Table(rows=rows, columns=shown, caption=measure.words)
    words = verdict(rows, shown)
    records = [
        record
        for program in programs
        for record in report.read_records(experiment.workdir.part(program).metrics)
    ]
    return Section(
        tables=[table],
        blocks=[
            report.Heading("The twelve cases"),
            table,
            report.Paragraph(words),
            report.Table(rows=rows, columns=dimension_columns(rows), caption="KL divergence by dimension"),
            *effects(experiment, rows, shown, records),
            *show(experiment, {name: runs[0] for name, runs in trained.items()}),
        ],
        summary=measure.protocol,
        parts=list(programs),
        words=words,
    )


def verdict(rows: Sequence[report.Row], columns: Sequence[report.Column]) -> str:
    """Whether the report's best case is the best here, by each metric."""
    sentences = []
    means = {row.name: {key: summary["mean"] for key, summary in row.metrics.items()} for row in rows}
    for column in columns:
        values = {n: value for n, of in means.items() if (value := of.get(column.key)) is not None}
        if column.better is None or BEST not in values or len(values) < 2:
            continue
        order = sorted(values, key=values.__getitem__, reverse=column.better == "higher")
        place, first = order.index(BEST) + 1, order[0]
        told = f"{column.title} {values[BEST]:.{column.digits}f}"
        if place == 1:
            sentences.append(f"{told}, before {order[1]} with {values[order[1]]:.{column.digits}f}")
        else:
            sentences.append(f"{told}, place {place} behind {first} with {values[first]:.{column.digits}f}")
    if not sentences:
        return "The report's best case was not run beside others."
    first = sum(", before " in sentence for sentence in sentences)
    return (
        f"The report's best case, {BEST}, is the best of {len(rows)} here by {first} of {len(sentences)} measures: "
        f"{'; '.join(sentences)}."
    )


def dimension_columns(rows: Sequence[report.Row]) -> list[report.Column]:
    """One for each dimension of the largest code."""
    keys = sorted({key for row in rows for key in row.metrics if key.startswith("kl_")})
    unused = "Largest first; near 0 the dimension is unused."
    notes = [unused, *[""] * (len(keys) - 1)]
    return [
        report.Column(key=key, title=f"Dimension {place}", unit="nats", digits=2, note=note)
        for place, (key, note) in enumerate(zip(keys, notes, strict=True), start=1)
    ]


def effects(
    experiment: study.Experiment,
    rows: Sequence[report.Row],
    columns: Sequence[report.Column],
    records: Sequence[report.Record],
) -> list[report.Block]:
    """What single changes do, in words, and curves of learning rates and of dropout."""
    told = [column for column in columns if column.key in ("elbo", "classifier_fid", "fid")]
    sentences = [report.tell(contrast, rows, told) for contrast in CONTRASTS]
    blocks: list[report.Block] = [report.Heading("What each change does")]
    blocks += [report.Paragraph(sentence) for sentence in sentences if sentence]
    for file, title, names, words in (
        ("rates", "Learning rates", RATES, "Terms of the loss over epochs at three learning rates"),
        (
            "dropout",
            "What dropout does",
            DROPOUT,
            "Terms of the loss over epochs with dropout: the training loss, of the network with gaps, lies above the "
            "validation loss, of the whole one",
        ),
    ):
        chosen = [record for record in records if record["variant"] in names]
        if len({record["variant"] for record in chosen}) > 1:
            caption = f"{words}; on training batches (thin) and on validation images (bold)."
            path = experiment.workdir.figures / f"{file}.png"
            picture = report.save(path, report.curves(chosen, TRAINING))
            blocks += [report.Heading(title), report.Picture(path=picture, caption=caption, alt=caption)]
    return blocks


def show(experiment: study.Experiment, runs: Mapping[str, jaxvae.Run]) -> list[report.Block]:
    """Samples, reconstructions, and each case's latent space."""
    test_set = experiment.test_set
    return report.case_blocks(
        experiment.workdir.figures,
        [study.make_case(run, test_set, spread=True) for run in runs.values()],
        originals=test_set.images[:16].astype(np.float32) / 255,
        labels=test_set.labels,
        class_names=test_set.spec.class_names,
    )
