"""One run of an experiment's script: its data, devices, layout and directory, its trainings and its report."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import jax
import optax

from jaxvae import cli, data, evaluate, losses, models, report, train
from jaxvae.run import Run
from jaxvae.train.state import Init
from jaxvae.train.step import Corrupt
from jaxvae.types import Batch, Variables


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """What all trainings, measurements and the report of one run share.

    Attributes:
        name: of the script.
        config: its flags.
        workdir: where the run lives.
        source: the training data.
        test_set: the validation images.
        batches: the same in batches.
        layout: of all networks.
        parallel: the devices.
        started: when, in seconds of the monotonic clock.
    """

    name: str
    config: cli.RunConfig
    workdir: train.Workdir
    source: data.Source
    test_set: data.Dataset
    batches: Sequence[Batch]
    layout: models.Layout
    parallel: train.Parallel
    started: float

    @classmethod
    def prepare(cls, name: str, config: cli.RunConfig) -> "Experiment":
        """Loads the data and finds the devices; writes nothing.

        Args:
            name: of the script.
            config: its flags.

        Returns:
            What the script works with.

        Raises:
            ValueError: no such data, no such devices, or a batch that does not fit them.
        """
        started = time.monotonic()
        parallel = train.Parallel(config.parallel, config.devices)
        train_set, test_set = data.load_splits(
            config.data,
            source=config.data_source,
            data_dir=config.data_dir,
            limit=config.limit,
            image_size=config.image_size,
            classes=config.classes,
        )
        source = data.serve(train_set, batch_size=config.batch_size, remainder=config.remainder)
        parallel.check(source)
        return cls(
            name=name,
            config=config,
            workdir=train.Workdir(config.workdir),
            source=source,
            test_set=test_set,
            batches=data.batches(test_set, batch_size=min(250, len(test_set))),
            layout=models.layout(config.layout, precision=config.precision),
            parallel=parallel,
            started=started,
        )

    def record(
        self,
        model: Any,
        replicas: Sequence[train.Replica],
        *,
        source: data.Source | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        """What config.json says of a training.

        Args:
            model: its Flax module.
            replicas: the runs that are trained side by side.
            source: what they are trained on; the experiment's if not given.
            **more: further entries, of what JSON can hold.

        Returns:
            What JSON can hold.
        """
        spec, described = (source or self.source).dataset.spec, models.describe(model)
        return cli.record(self.name, self.config, model=described, replicas=replicas, data=spec) | more

    def fit(
        self,
        replicas: Sequence[train.Replica],
        *,
        model: Any,
        objective: Callable[[str | None], losses.Objective],
        optimizer: optax.GradientTransformation,
        epochs: int,
        init: Init | Mapping[str, Init] | None = None,
        player: str = "model",
        validation: Sequence[Batch] | None = None,
        corrupt: Corrupt | None = None,
        augment: Corrupt | None = None,
        ema_decay: float = 0.0,
        part: str | None = None,
        source: data.Source | None = None,
        tuned: tuple[str, ...] = (),
        arguments: tuple[str, ...] = (),
        **more: Any,
    ) -> train.TrainState:
        """Trains replicas of one network by one objective to the end, or takes them from where they were left.

        Args:
            replicas: the runs to train side by side.
            model: the Flax module.
            objective: the name of the devices' axis, or None for a single device, to the objective.
            optimizer: an Optax chain.
            epochs: passes over the data in all.
            init: Flax variables from a key, or such a function for each variant; the module's own if not given.
            player: what the network is called in records and checkpoints.
            validation: batches that the objective is computed on after each epoch; all validation images if not given.
            corrupt: what is done to the images that the network is shown; see `jaxvae.train.one_player`.
            augment: what is done to the images before network and objective see them; see `jaxvae.train.augmented`.
            ema_decay: of the moving average of the parameters that is evaluated in their place; 0 for none.
            part: name of this training where it is one of several; its directory lies in that of the run, which was
                opened before, and what is there already is taken up.
            source: the training data; the experiment's if not given.
            tuned: hyper-parameters of the replicas that are the optimizer's; see `jaxvae.train.Player`.
            arguments: those that are keyword arguments of the model; see `jaxvae.train.one_player`.
            **more: further entries of config.json.

        Returns:
            The final state on one device, with a leading axis of replicas.

        Raises:
            ValueError: the directory or the devices refuse, before anything is written.
        """
        axis = self.parallel.axis_name
        subtrees = tuple(jax.eval_shape(partial(models.init, model=model), jax.random.key(0))["params"])
        return self.train_players(
            replicas,
            model=model,
            loss=train.one_player(
                player,
                spread(model, axis),
                objective(axis),
                corrupt=corrupt,
                arguments=arguments,
                label=models.told(model),
            ),
            players={player: train.Player(subtrees, optimizer, tuned)},
            evaluator=evaluate.objective_evaluator(forward(model), objective(None)),
            epochs=epochs,
            init=init,
            validation=validation,
            augment=augment,
            ema_decay=ema_decay,
            part=part,
            source=source,
            **more,
        )

    def train_players(
        self,
        replicas: Sequence[train.Replica],
        *,
        model: Any,
        loss: train.Losses,
        players: Mapping[str, train.Player],
        evaluator: evaluate.Evaluator,
        epochs: int,
        init: Init | Mapping[str, Init] | None = None,
        validation: Sequence[Batch] | None = None,
        augment: Corrupt | None = None,
        ema_decay: float = 0.0,
        part: str | None = None,
        source: data.Source | None = None,
        **more: Any,
    ) -> train.TrainState:
        """Trains replicas of any players to the end, as `fit` does those of one and `fit_game` those of several.

        Args:
            replicas: the runs to train side by side.
            model: the Flax module.
            loss: of each player, made for the devices' axis.
            players: by name.
            evaluator: of a replica, after each epoch.
            epochs: passes over the data in all.
            init: as in `fit`.
            validation: batches for the evaluator; all validation images if not given.
            augment: as in `fit`.
            ema_decay: as in `fit`.
            part: as in `fit`.
            source: the training data; the experiment's if not given.
            **more: further entries of config.json.

        Returns:
            The final state on one device, with a leading axis of replicas.

        Raises:
            ValueError: the directory or the devices refuse, before anything is written.
        """
        source = source or self.source
        workdir = self.workdir if part is None else self.workdir.part(part)
        batches = self.batches if validation is None else validation
        return train.run(
            replicas,
            init=partial(models.init, model=model) if init is None else init,
            losses=loss if augment is None else train.augmented(loss, augment),
            players=players,
            source=source,
            evaluate=lambda variables, replica: evaluator(replica.evaluation_key, variables, batches),
            epochs=epochs,
            workdir=workdir,
            record=self.record(model, replicas, source=source, **more),
            resume=self.config.resume if part is None else workdir.config.exists(),
            overwrite=self.config.overwrite and part is None,
            parallel=self.parallel,
            ema_decay=ema_decay,
            compiler_options=self.layout.compiler_options,
        )

    def runs(
        self,
        replicas: Sequence[train.Replica],
        state: train.TrainState,
        *,
        model: Any,
        part: str,
        models: Mapping[str, Any] | None = None,
    ) -> list[Run]:
        """What was trained in a part, ready to be used.

        Args:
            replicas: as they were given to `fit`.
            state: as `fit` returned it.
            model: the Flax module.
            part: the name of the training.
            models: of variants whose module differs from `model` in what training does not see, such as the prior.

        Returns:
            A run for each replica.
        """
        record = self.workdir.part(part).read_config()
        return [
            Run(
                (models or {}).get(replica.variant, model),
                state.replica(place).variables,
                config=record,
                variant=replica.variant,
                seed=replica.seed,
            )
            for place, replica in enumerate(replicas)
        ]

    def records(self, parts: Sequence[str]) -> list[report.Record]:
        """What trainings have logged.

        Args:
            parts: their directories' names.

        Returns:
            Their records, part after part.
        """
        return [record for part in parts for record in report.read_records(self.workdir.part(part).metrics)]

    def publish(
        self,
        *,
        title: str,
        intro: str,
        tables: Sequence[report.Table],
        blocks: Sequence[report.Block],
        summary: Mapping[str, Any] | None = None,
        words: str = "",
    ) -> None:
        """Writes results.json and report.html, and prints the tables and where the report is.

        Args:
            title: of the page.
            intro: what was done, in a few plain sentences.
            tables: the results; they are printed, and their rows are those of results.json, once each.
            blocks: the page's content, top to bottom.
            summary: what is said of all rows together, by name.
            words: what is printed below the tables.
        """
        record, seconds = self.workdir.read_config(), time.monotonic() - self.started
        report.write_results(
            self.workdir.results,
            experiment=record["experiment"],
            command=record["command"],
            wall_seconds=seconds,
            rows=list({id(row): row for table in tables for row in table.rows}.values()),
            summary=summary,
        )
        page = report.write_page(
            self.workdir.page,
            title=title,
            intro=intro,
            blocks=blocks,
            command=record["command"],
            wall_seconds=seconds,
            environment=record["environment"],
            config=record["config"],
        )
        self.workdir.measures.unlink(missing_ok=True)
        printed = [report.to_markdown(table.rows, table.columns) for table in tables]
        print("\n" + "\n".join(filter(None, [*printed, words, f"Report: {page}"])))


def forward(model: Any) -> Callable[[Any, Variables, Batch], Any]:
    """Binds a module to `jaxvae.models.forward`, as evaluators call it.

    Args:
        model: the Flax module, called as `(key, image, index)`.

    Returns:
        `(key, variables, batch) -> output`.
    """
    return lambda key, variables, batch: models.forward(key, model, variables, batch)


def spread(model: Any, axis_name: str | None) -> Any:
    """Takes a model's batch statistics over all devices, where it has such.

    Args:
        model: the Flax module.
        axis_name: of the devices; None for a single one.

    Returns:
        The model for training.
    """
    return model.clone(axis_name=axis_name) if any(f.name == "axis_name" for f in fields(model)) else model
