"""Part one: the twelve cases, trained side by side where their networks do the same work, and measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

from tqdm import tqdm

import jaxvae
from experiments.conv_vae_mnist.cases_page import COLUMNS, make_blocks, verdict
from experiments.conv_vae_mnist.config import Config
from experiments.conv_vae_mnist.table import CASES
from jaxvae import evaluate, losses, models, report, study, train

WIDTHS = (32, 64, 128, 256)
"""Channels of the convolutions, from the image inwards."""


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
        more = {field: getattr(base, field) + number for field, number in change.more.items()}
        times = {field: factor * getattr(base, field) for field, factor in change.times.items()}
        cases[name] = replace(base, **change.fields, **more, **times)
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
    experiment: study.Experiment,
    config: Config,
    judge: study.FeatureClassifier,
    inception: evaluate.Inception | None,
) -> study.Section:
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
    rows = [make_row(name, trained[name], measure) for name in tqdm(cases, desc="measuring", unit="case")]
    shown = [column for column in COLUMNS if any(column.key in row.metrics for row in rows)]
    table = report.Table(rows=rows, columns=shown, caption=measure.words)
    words = verdict(rows, shown)
    first = {name: runs[0] for name, runs in trained.items()}
    return study.Section(
        tables=[table],
        blocks=make_blocks(experiment, table, first, list(programs), words),
        summary={"classifier_accuracy": judge.accuracy, **measure.protocol},
        parts=list(programs),
        words=words,
    )


def make_row(name: str, runs: Sequence[jaxvae.Run], measure: study.Measures) -> report.Row:
    """A row of the table, over seeds."""
    metrics = [measure(run) | {"parameters": run.parameters} for run in runs]
    return report.Row(name=name, metrics=report.summarize(metrics), note=CASES[name].note)
