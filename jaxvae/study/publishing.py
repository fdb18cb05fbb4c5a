"""What is told of a run: tables, pictures, curves, results.json and report.html."""

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import UInt8
from matplotlib.figure import Figure

from jaxvae import cli, data, report, train
from jaxvae.run import Run
from jaxvae.screen import Bar, say
from jaxvae.study.trained import Trained
from jaxvae.types import RunStopped

_NO_CURVE = re.compile("variant|seed|epoch|step|split|loss|.*_weighted|grad_norm_.*|skipped")
"""What metrics.jsonl holds besides the terms of a loss and the losses of players."""

CURVES = "Terms over epochs, unweighted: on training batches (dashed) and on held-out images (solid)."

_CHOOSING = (
    "This run chooses settings: it is measured on validation images, which were taken out of training, and the test "
    "split was not read."
)


class Estimated(RunStopped):
    """The flags ask what training will take; it has been said."""

    def __init__(self) -> None:
        super().__init__("Nothing was trained, and nothing written.", status=0)


Measure = Callable[[Run], Mapping[str, float]]
"""Values by name of a trained model."""


@dataclass(frozen=True, kw_only=True)
class Publishing:
    """What the tables and pages of a run need of it; `Experiment` has the rest.

    Attributes:
        config: flags of the script.
        workdir: where the run lives.
        test_set: the images that models are measured on.
        parts: which part of the run holds which variant; empty if the run has one training and no parts.
        started: when, in seconds of the monotonic clock.
    """

    config: cli.RunConfig
    workdir: train.Workdir
    test_set: data.Dataset
    parts: Mapping[str, str]
    started: float
    _begun: list[str] = field(default_factory=list)
    _training_seconds: list[float] = field(default_factory=list)

    @property
    def measured_on(self) -> str:
        """Which images `test_set` holds, in words: "test images" or "validation images"."""
        return f"{self.config.measure_on} images"

    def table(
        self,
        trained: Mapping[str, Trained],
        measure: Measure,
        columns: Sequence[report.Column],
        *,
        caption: str | None = None,
        ratios: Sequence[str] = (),
    ) -> report.Table:
        """Measures trained models: a row for each variant, over its seeds.

        Args:
            trained: by variant.
            measure: values by name of a trained model, such as a `Measuring`.
            columns: what to show; those that no row has are left out.
            caption: what the table shows; on how many images it was measured if not given.
            ratios: metrics that also get their ratio to what was published, as "<metric>_ratio".

        Returns:
            The table. A variant that failed has a row without values.
        """
        self._train_first()

        def values(run: Run, of: Trained) -> dict[str, float]:
            measured = dict(measure(run))
            known = [key for key in ratios if key in measured and key in of.published]
            return measured | {f"{key}_ratio": measured[key] / of.published[key] for key in known}

        rows = [
            report.Row(
                name=name,
                metrics=report.summarize([values(run, of) for run in of.runs]) if of.runs else {},
                published=of.published,
                note=" ".join(filter(None, [of.note, of.failure, of.incidents])),
            )
            for name, of in Bar(trained.items(), desc="measuring", unit="variant")
        ]
        measured = f"Measured on {len(self.test_set):,} {self.measured_on}"
        return report.Table(rows=rows, columns=columns, caption=caption or measured)

    def picture(self, name: str, figure: Figure | UInt8[np.ndarray, "h w 3"], caption: str) -> report.Picture:
        """Saves a figure as figures/<name>.png and makes it a block of the page.

        Args:
            name: of the file.
            figure: a figure, or an image, written pixel by pixel.
            caption: what there is to see.

        Returns:
            The block.
        """
        self._train_first()
        self.workdir.require()
        return report.picture(self.workdir.figures / f"{name}.png", figure, caption)

    def records(self, variants: Iterable[str] | None = None) -> list[report.Record]:
        """What the trainings of variants have logged.

        Args:
            variants: names of those to read; all that the report compares if not given.

        Returns:
            Lines of metrics.jsonl, training after training.
        """
        if not self.parts:
            records = report.read_records(self.workdir.metrics)
        else:
            parts = dict.fromkeys(self.parts.values())
            files = [self.workdir.part(part).metrics for part in parts]
            records = [record for file in files if file.exists() for record in report.read_records(file)]
        wanted = None if variants is None else set(variants)
        return [record for record in records if wanted is None or record["variant"] in wanted]

    def publish(
        self,
        *,
        title: str,
        intro: str,
        tables: Sequence[report.Table],
        blocks: Sequence[report.Block] | None = None,
        curves: Sequence[report.Column] | None = None,
        records: Sequence[report.Record] | None = None,
        summary: Mapping[str, Any] | None = None,
        words: str = "",
    ) -> None:
        """Writes results.json and report.html, merges the parts' metrics.jsonl, and prints the tables.

        Args:
            title: of the page.
            intro: what was done, in a few plain sentences.
            tables: the results; they are printed, and their rows are those of results.json, once each.
            blocks: the page's content, top to bottom; the tables if not given.
            curves: what to draw over epochs at the page's end; all terms and players' losses if not given, none if
                empty.
            records: lines of metrics.jsonl that the curves are of; those of all variants if not given.
            summary: what is said of all rows together, by name.
            words: what is printed below the tables.
        """
        self._train_first()
        self.workdir.require()
        record, seconds = self.workdir.read_config(), time.monotonic() - self.started
        if self._begun:
            self.workdir.merge_metrics([p for p in self._begun if self.workdir.part(p).metrics.exists()])
        report.write_results(
            self.workdir.results,
            experiment=record["experiment"],
            command=record["command"],
            wall_seconds=seconds,
            training_seconds=sum(self._training_seconds),
            rows=list({id(row): row for table in tables for row in table.rows}.values()),
            summary=summary,
        )
        page = report.write_page(
            self.workdir.page,
            title=title,
            intro=f"{intro} {_CHOOSING}" if self.config.measure_on == "validation" else intro,
            blocks=[*(tables if blocks is None else blocks), *self._curves(curves, records)],
            command=record["command"],
            wall_seconds=seconds,
            training_seconds=sum(self._training_seconds),
            environment=record["environment"],
            config=record["config"],
        )
        self.workdir.measures.unlink(missing_ok=True)
        printed = [report.to_markdown(table.rows, table.columns) for table in tables]
        say("\n" + "\n".join(filter(None, [*printed, words, f"Report: {page}"])))

    def _curves(
        self, columns: Sequence[report.Column] | None, records: Sequence[report.Record] | None
    ) -> list[report.Block]:
        records = self.records() if records is None else records
        logged = dict.fromkeys(key for record in records for key in record)
        if columns is None:
            columns = report.curve_columns(name for name in logged if not _NO_CURVE.fullmatch(name))
        shown = [column for column in columns if column.key in logged]
        if not shown:
            return []
        return [
            report.Heading("Training"),
            self.picture("curves", report.curves(records, shown), CURVES),
        ]

    def _train_first(self) -> None:
        """Ends a script that was to say what training takes, before it measures what was not trained."""
        if self.config.estimate:
            raise Estimated
