"""One run of an experiment's script: its data, devices, layout and directory, its trainings and its report."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from jaxvae import cli, data, models, train
from jaxvae.run import Run
from jaxvae.screen import say
from jaxvae.study.publishing import Estimated, Publishing
from jaxvae.study.trained import Trained, diverged, incidents
from jaxvae.study.training import Training
from jaxvae.study.variant import V, programs
from jaxvae.train import Recipe, Replica, TrainState, Workdir
from jaxvae.types import Batch

Select = Callable[[data.Dataset, data.Dataset], tuple[data.Dataset, data.Dataset]]
"""`(training, validation) -> (training, validation)`: the images, labels and attributes that an experiment uses."""


@dataclass(frozen=True, kw_only=True)
class Experiment(Publishing):
    """What all trainings, measures and the report of one run share.

    Attributes:
        name: of the script.
        config: its flags.
        workdir: where the run lives.
        source: the training data in batches.
        test_set: the images that models are measured on, never trained on: the test split, or as the flags say
            validation images.
        batches: the same in batches.
        layout: of all networks.
        parallel: the devices.
        parts: which part of the run holds which variant; empty if the run has one training and no parts.
        started: when, in seconds of the monotonic clock.
    """

    name: str
    source: data.Source
    batches: Sequence[Batch]
    layout: models.Layout
    parallel: train.Parallel

    @classmethod
    def open(
        cls,
        name: str,
        config: cli.RunConfig,
        *,
        parts: Mapping[str, str] | None = None,
        select: Select | None = None,
        least: int = 1,
    ) -> "Experiment":
        """Loads the data, finds the devices, and refuses a directory that holds another run.

        Nothing is written before the first training begins.

        Args:
            name: of the script.
            config: its flags.
            parts: of a run with several trainings, which part holds which variant; see `Variant.program`.
            select: changes what was loaded, such as which attributes count.
            least: held-out images that the measures need.

        Returns:
            What the script works with.

        Raises:
            ValueError: no such data, too few images, no such devices, a batch that does not fit them, a directory that
                must not be written into, or processes that do not agree.
            RunStopped: another process failed here.
        """
        started = time.monotonic()
        with train.together():
            spread = train.ReplicaParallel if config.replica_parallel else train.Parallel
            parallel = spread(config.parallel, config.devices)
            train_set, test_set = _load(name, config, select, least=least)
            source = data.serve(train_set, batch_size=config.batch_size, remainder=config.remainder)
            parallel.check(source)
        experiment = cls(
            name=name,
            config=config,
            workdir=train.run_directory(config.workdir),
            source=source,
            test_set=test_set,
            batches=data.batches(test_set, batch_size=min(250, len(test_set))),
            layout=models.layout(config.layout, precision=config.precision, remat=config.remat),
            parallel=parallel,
            parts=parts or {},
            started=started,
        )
        record = experiment._record(source)
        train.agree(record)
        with train.together():
            if not config.estimate:
                experiment.workdir.check(record, resume=config.resume, overwrite=config.overwrite)
        if config.resume:
            _compare_devices(experiment.workdir.read_config(), record)
        return experiment

    @property
    def train_set(self) -> data.Dataset:
        """The training images."""
        return self.source.dataset

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of all images."""
        return self.train_set.spec.image_shape

    @property
    def class_names(self) -> tuple[str, ...]:
        """Name of class 0, 1, ..."""
        return self.train_set.spec.class_names

    @property
    def validation(self) -> Sequence[Batch]:
        """A fifth of the validation batches, enough to follow a training by."""
        return self.batches[::5]

    @property
    def seeds(self) -> range:
        """The seeds that the flags ask for."""
        return range(self.config.seed, self.config.seed + self.config.seeds)

    def steps(self, epochs: int | None = None) -> int:
        """How many updates a training on the run's data takes.

        Args:
            epochs: passes over the data; as the flag says if not given.

        Returns:
            The number of updates.
        """
        return (self.config.epochs if epochs is None else epochs) * self.source.steps_per_epoch

    def train(
        self, training: Training, *, part: str | None = None, seeds: Iterable[int] | None = None
    ) -> dict[str, Trained]:
        """Trains all seeds of a training's variants in one program, or takes them from where they were left.

        A seed that diverges is named, and the others go on.

        Args:
            training: what to train.
            part: name of this training where the run has several; its files are in the run's parts/<name>.
            seeds: one replica of each variant for each of them; those of the flags if not given.

        Returns:
            What became of each variant.

        Raises:
            ValueError: the directory or the devices refuse, before anything is written.
            NonFiniteError: every seed of every variant diverged, or one and the flags say stop.
        """
        if self.config.estimate:
            self._estimate(training, part=part, seeds=seeds)
            raise Estimated
        replicas = self._replicas(training, seeds)
        workdir = self._begin(part)
        state, record = self._fit(training, replicas, workdir, part)
        reasons = train.read_diverged(workdir.diverged)
        runs: dict[str, list[Run]] = {name: [] for name in training.variants}
        for place, replica in enumerate(replicas):
            if (replica.variant, replica.seed) not in reasons:
                model = training.models.get(replica.variant, training.model)
                variables = state.replica(place).variables
                run = Run(model, variables, config=record, variant=replica.variant, seed=replica.seed)
                runs[replica.variant].append(run)
        skipped = _skipped(state, replicas)
        return {
            name: Trained(
                runs=of,
                failure=diverged([why for (variant, _), why in reasons.items() if variant == name]),
                incidents=incidents(name, workdir, skipped[name]),
            )
            for name, of in runs.items()
        }

    def train_one(self, training: Training, *, part: str, seed: int) -> Run:
        """Trains one model that others depend on, such as a classifier that measures them.

        Args:
            training: of one variant.
            part: name of this training.
            seed: of parameters, order and noise.

        Returns:
            The trained model.

        Raises:
            ValueError: as `train`.
            NonFiniteError: it diverged.
        """
        experiment = self
        if isinstance(self.parallel, train.ReplicaParallel):
            experiment = replace(self, parallel=train.Parallel(targets=self.parallel.targets))
        if self.config.estimate:
            return experiment._estimate(training, part=part, seeds=[seed])
        (trained,) = experiment.train(training, part=part, seeds=[seed]).values()
        return trained.runs[0]

    def train_variants(
        self, variants: Mapping[str, V], make: Callable[[dict[str, V]], Training]
    ) -> dict[str, Trained]:
        """Trains variants, those of one program side by side, and goes on with the others if all of one diverge.

        Args:
            variants: by name.
            make: makes a training of the variants of one program.

        Returns:
            What became of each variant, in their order.

        Raises:
            ValueError: the directory or the devices refuse, or a model that the images do not fit, before anything is
                trained.
            NonFiniteError: every seed of every variant diverged, or one and the flags say stop.
        """
        trainings = {part: make(group) for part, group in programs(variants).items()}
        for training in trainings.values():
            training.trace(self.batches[0])
            self.parallel.check_replicas(len(training.variants) * len(self.seeds))
        if self.config.estimate:
            for part, training in trainings.items():
                self._estimate(training, part=part)
            raise Estimated
        trained: dict[str, Trained] = {}
        errors: list[train.NonFiniteError] = []
        for part, training in trainings.items():
            try:
                trained |= self.train(training, part=part)
            except train.NonFiniteError as error:
                if self.config.on_nan == "stop":
                    raise
                errors.append(error)
                say(f"{', '.join(training.variants)} diverged: {error.reason}.")
                directory, failure = self.workdir.part(part), diverged([error.reason])
                trained |= {
                    name: Trained(runs=(), failure=failure, incidents=incidents(name, directory, {}))
                    for name in training.variants
                }
        if errors and not any(of.runs for of in trained.values()):
            raise errors[0]
        return {
            name: replace(trained[name], note=variant.note, published=variant.published)
            for name, variant in variants.items()
        }

    def _begin(self, part: str | None) -> Workdir:
        """The directory of a training; that of a run with parts is made ready before the first of them."""
        if part is None:
            return self.workdir
        if not self._begun:
            self.workdir.open(self._whole, resume=self.config.resume, overwrite=self.config.overwrite)
        if part not in self._begun:
            self._begun.append(part)
        return self.workdir.part(part)

    def _fit(
        self, training: Training, replicas: list[Replica], workdir: Workdir, part: str | None
    ) -> tuple[TrainState, dict[str, Any]]:
        source = training.source or self.source
        own = {name: models.describe(model) for name, model in training.models.items()}
        weights = training.weights if training.game is None else training.game.weights
        trained = cli.record_training(models.describe(training.model), replicas, weights=weights, models=own)
        record = self._record(source) | trained
        began = time.monotonic()
        with jax.default_matmul_precision(self.config.matmul_precision):
            state = train.run(
                replicas,
                self.recipe(training),
                workdir=workdir,
                record=record,
                whole=None if part is None else self._whole,
                resume=self.config.resume if part is None else workdir.holds_run(),
                overwrite=self.config.overwrite and part is None,
                parallel=self.parallel,
                compiler_options=self.layout.compiler_options,
            )
        self._training_seconds.append(time.monotonic() - began)
        return state, record

    @property
    def _whole(self) -> dict[str, Any]:
        """What the config.json of a run with parts says."""
        return self._record(self.source) | {"parts": dict(self.parts)}

    def recipe(self, training: Training) -> Recipe:
        """How the flags train a training.

        Args:
            training: what to train.

        Returns:
            What `jaxvae.train.run` and `jaxvae.train.estimate` take.
        """
        batches = self.validation if training.validation is None else training.validation
        evaluator = training.evaluator
        return Recipe(
            init=training.init,
            losses=training.losses,
            players=training.players,
            source=training.source or self.source,
            evaluate=lambda variables, replica: evaluator(replica.evaluation_key, variables, batches),
            epochs=self.config.epochs if training.epochs is None else training.epochs,
            ema_decay=training.ema_decay,
            on_nan=self.config.on_nan,
            skip_nonfinite=self.config.skip_nonfinite,
            rollback=self.config.rollback,
            accumulate=self.config.accumulate,
        )

    def _replicas(self, training: Training, seeds: Iterable[int] | None) -> list[Replica]:
        seeds = list(self.seeds if seeds is None else seeds)
        return [Replica(name, seed, hyper) for name, hyper in training.variants.items() for seed in seeds]

    def _estimate(self, training: Training, *, part: str | None, seeds: Iterable[int] | None = None) -> Run:
        """Says what a training will take, and returns the model of its first replica, untrained."""
        replicas = self._replicas(training, seeds)
        with jax.default_matmul_precision(self.config.matmul_precision):
            taken = train.estimate(
                replicas,
                self.recipe(training),
                parallel=self.parallel,
                compiler_options=self.layout.compiler_options,
            )
        say(f"{part or self.name}: {', '.join(training.variants)}\n{taken}\n")
        variables = training.initial(jax.random.key(replicas[0].seed))
        return Run(training.model, variables, config={}, variant=replicas[0].variant, seed=replicas[0].seed)

    def _record(self, source: data.Source) -> dict[str, Any]:
        """What every config.json of the run says."""
        return cli.record(self.name, self.config, data=source.dataset.spec)


def _load(
    name: str, config: cli.RunConfig, select: Select | None, *, least: int
) -> tuple[data.Dataset, data.Dataset]:
    """The images to train and to measure on."""
    train_set, test_set = data.load_splits(
        config.data,
        source=config.data_source,
        data_dir=config.data_dir,
        limit=config.limit,
        image_size=config.image_size,
        classes=config.classes,
        measure_on=config.measure_on,
    )
    if select is not None:
        train_set, test_set = select(train_set, test_set)
    if len(test_set) < least:
        raise ValueError(
            f"{name} needs at least {least} {config.measure_on} images, got {len(test_set)}; add some or raise "
            "--limit."
        )
    return train_set, test_set


def _skipped(state: TrainState, replicas: Sequence[Replica]) -> dict[str, dict[int, int]]:
    """How many steps were left out, by variant and seed."""
    totals = np.zeros(len(replicas), int) if state.skips is None else np.asarray(state.skips["total"])
    counts: dict[str, dict[int, int]] = {}
    for replica, total in zip(replicas, totals, strict=True):
        counts.setdefault(replica.variant, {})[replica.seed] = int(total)
    return counts


def _compare_devices(before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Says what changes where a run goes on, on other devices than it began on."""
    if (began := _devices(before)) != (goes_on := _devices(now)):
        say(
            f"continuing on {goes_on}, where {began} began: sums are taken in another order, so that numbers differ in "
            "their last digits from those of an uninterrupted run"
        )


def _devices(record: Mapping[str, Any]) -> str:
    """The devices that a run of this config.json was spread over."""
    processes, devices = record["environment"].get("processes", 1), record["config"]["devices"]
    each = f"{devices} device{'s' * (devices > 1)}"
    return each if processes == 1 else f"{processes} processes with {each} each"
