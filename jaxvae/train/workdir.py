"""The directory that a run lives in: who may write into it, and what it was started with."""

import json
import os
import shutil
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from jaxvae.files import exists, write_atomically
from jaxvae.records import parse
from jaxvae.screen import say
from jaxvae.train.checkpoint import Checkpoints
from jaxvae.train.lock import claim, is_deleted
from jaxvae.types import RunStopped

# config.json goes last, so that a directory that was being cleared still counts as one that holds a run
_OURS = (
    "metrics.jsonl",
    "metrics.jsonl.damaged",
    "diverged.json",
    "rollbacks.json",
    "results.json",
    "report.html",
    "figures",
    "tensorboard",
    "checkpoints",
    "parts",
    "measures.jsonl",
    "config.json",
)


@dataclass(frozen=True)
class Workdir:
    """Paths of a run's files.

    Attributes:
        path: the directory; ~ is the user's home.
        run: the directory that the checkpoints are in, where that is another one; see `run_directory`.
    """

    path: Path
    run: Path | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(os.path.expanduser(self.path)))

    @property
    def config(self) -> Path:
        """The resolved configuration, `config.json`."""
        return self.path / "config.json"

    @property
    def metrics(self) -> Path:
        """One JSON object a line, `metrics.jsonl`."""
        return self.path / "metrics.jsonl"

    @property
    def diverged(self) -> Path:
        """The replicas whose numbers became infinite or NaN, `diverged.json`; there is none if all is well."""
        return self.path / "diverged.json"

    @property
    def rollbacks(self) -> Path:
        """How often replicas went back to a checkpoint, `rollbacks.json`; there is none if none did."""
        return self.path / "rollbacks.json"

    @property
    def checkpoints(self) -> Path:
        """Train states."""
        return (self.run or self.path) / "checkpoints"

    @property
    def measures(self) -> Path:
        """What was measured of trained models while the report is not written, `measures.jsonl`."""
        return self.path / "measures.jsonl"

    @property
    def results(self) -> Path:
        """The table, `results.json`."""
        return self.path / "results.json"

    @property
    def page(self) -> Path:
        """The report, `report.html`."""
        return self.path / "report.html"

    @property
    def figures(self) -> Path:
        """The report's figures as PNG files."""
        return self.path / "figures"

    @property
    def tensorboard(self) -> Path:
        """Event files."""
        return self.path / "tensorboard"

    def part(self, name: str) -> "Workdir":
        """The directory of one of several trainings that make up a run; `parts/<name>`.

        Args:
            name: of the part.

        Returns:
            A directory like this one.
        """
        return Workdir(self.path / "parts" / name, self.run and self.run / "parts" / name)

    def merge_metrics(self, parts: Sequence[str]) -> None:
        """Writes the records of several parts into the one `metrics.jsonl` of the run.

        Args:
            parts: their names, in order.
        """
        write_atomically(self.metrics, b"".join(self.part(name).metrics.read_bytes() for name in parts))

    def read_config(self) -> dict[str, Any]:
        """What the run was started with; if config.json is damaged, what the newest checkpoint says, with a warning.

        Raises:
            ValueError: the directory holds no run, or its config.json is damaged and no checkpoint has a copy.
        """
        config, complaint = self._find_config()
        if config is None:
            raise ValueError(f"{self.path} holds no run: there is no config.json in it.")
        if complaint is not None:
            warnings.warn(f"{complaint}.", stacklevel=2)
        return config

    def require(self) -> None:
        """Refuses to go on in a directory that is no longer there.

        Raises:
            RunStopped: config.json is gone, or the directory, even if another one is in its place.
        """
        if is_deleted(self.path) or not exists(self.config):
            raise RunStopped(
                f"{self.path} no longer holds this run, which stops: it was deleted or moved while the run was going "
                "on; continue it with --resume where its checkpoints are, or start anew."
            )

    def check(self, record: Mapping[str, Any], *, resume: bool, overwrite: bool) -> None:
        """Refuses a directory that this run must not write into. Changes nothing in it.

        From here or from `open` on, the directory is this process's until it ends, where the file system has locks.

        Args:
            record: what `open` will write. Its "format", "experiment", "config", "model", "data", "replicas", "models"
                and "weights", those that it has, must be those of the run to resume; fields that it lists as "free" may
                differ.
            resume: whether the run in the directory is to be continued.
            overwrite: whether the run in the directory may be deleted.

        Raises:
            ValueError: a file is in the way, nothing can be written there, the directory holds a run and neither flag
                is given, it holds files of the names that a run writes but no run, the run there has another
                configuration or a damaged config.json, or another process writes into it.
        """
        if exists(self.path) and not self.path.is_dir():
            raise ValueError(f"workdir must be a directory, {self.path} is a file; choose another --workdir.")
        nearest = next(p for p in (self.path, *self.path.absolute().parents) if exists(p))
        if not (nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)):
            raise ValueError(f"workdir {self.path} cannot be written ({nearest}); choose another --workdir.")
        holds_run = self.holds_run()
        if not holds_run and (foreign := [name for name in _OURS if (self.path / name).exists()]):
            raise ValueError(
                f"{self.path} holds {', '.join(foreign)}, which a run writes too, but no run; choose another --workdir."
            )
        if resume and holds_run:
            self._check_same(record)
        elif resume:
            raise ValueError(f"there is no run to resume in {self.path}; leave out --resume to start one.")
        elif holds_run and not overwrite:
            raise ValueError(
                f"{self.path} holds a run already; continue it with --resume, delete it with --overwrite, or choose "
                f"another --workdir."
            )
        if self.path.is_dir():
            claim(self.path)

    def open(self, record: Mapping[str, Any], *, resume: bool, overwrite: bool) -> None:
        """Makes the directory ready for a run, after `check`.

        Args:
            record: what `config.json` shall hold.
            resume: whether the run in the directory is continued.
            overwrite: whether the run in the directory is deleted first.

        Raises:
            ValueError: as `check`, or the directory cannot be made.
        """
        self.check(record, resume=resume, overwrite=overwrite)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            claim(self.path)
            if overwrite:
                self._clear()
            if resume and (complaint := self._find_config()[1]) is not None:
                say(complaint)
            write_atomically(self.config, f"{json.dumps(record, indent=2)}\n".encode())
        except OSError as error:
            raise ValueError(
                f"workdir {self.path} cannot be written ({error.strerror}); choose another --workdir."
            ) from None

    def holds_run(self) -> bool:
        """Whether a run has been started in the directory.

        Raises:
            ValueError: its config.json is damaged and no checkpoint has a copy.
        """
        return "experiment" in (self._find_config()[0] or {})

    def _find_config(self) -> tuple[dict[str, Any] | None, str | None]:
        """What the run was started with, and a clause that says why it does not come from config.json, if so."""
        there = exists(self.config)
        config = parse(self.config.read_bytes()) if there else None
        if isinstance(config, dict) and isinstance(config.get("config"), dict):
            return config, None
        if (kept := self._kept_config()) is not None:
            state = "damaged" if there else "missing"
            return kept, f"{self.config} is {state}; what the newest checkpoint says is taken for it"
        if there and not isinstance(config, dict):
            raise ValueError(
                f"{self.config} is damaged: it holds no JSON object, and no checkpoint has a copy of it; put back a "
                "copy, or start anew in another --workdir."
            )
        return config, None

    def _kept_config(self) -> dict[str, Any] | None:
        """The configuration beside the newest undamaged checkpoint, of this training or of a part of the run."""
        found = [Checkpoints(self.checkpoints).read_record().get("config")]
        parts = sorted((self.path / "parts").glob("*"))
        found += [Checkpoints(Workdir(part).checkpoints).read_record().get("run") for part in parts]
        return next((config for config in found if isinstance(config, dict)), None)

    def _clear(self) -> None:
        for entry in (self.path / name for name in _OURS):
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink(missing_ok=True)

    def _check_same(self, record: Mapping[str, Any]) -> None:
        before, now = self._find_config()[0] or {}, json.loads(json.dumps(record))
        if before.get("format") != now.get("format"):
            version = _fields(before, "environment").get("jaxvae", "another version")
            raise ValueError(
                f"the run in {self.path} was written by jaxvae {version} in another format, which can be loaded but "
                "not resumed; start it anew with --overwrite or in another --workdir."
            )
        trained, prng = (_fields(tree, "environment").get("prng") for tree in (before, now))
        if None not in (trained, prng) and trained != prng:
            raise ValueError(
                f"the run in {self.path} has random numbers by {trained}, now they are by {prng}; set "
                f"JAX_DEFAULT_PRNG_IMPL={trained}, or choose another --workdir."
            )
        free, (seen, found) = set(now.get("free", ())), (_fields(tree, "data") for tree in (before, now))
        if found.get("fingerprint") and seen.get("fingerprint") == found["fingerprint"]:
            free.add("data")  # the same images may lie elsewhere
        for part in ("experiment", "config", "model", "data"):
            if part not in now:
                continue
            old, new = (_fields(tree, part) for tree in (before, now))
            for field in sorted((old.keys() | new.keys()) - free):
                if old.get(field) != new.get(field):
                    raise ValueError(
                        f"the run in {self.path} has another configuration: {field} was {old.get(field)!r}, now "
                        f"{new.get(field)!r}; resume it with the old value or choose another --workdir."
                    )
        for part in ("replicas", "models", "weights") if "replicas" in now else ():
            trained, wanted = before.get(part) or {}, now.get(part) or {}
            if trained != wanted:
                old, new = _first_difference(trained, wanted)
                raise ValueError(
                    f"the run in {self.path} trained other {'variants' if part == 'replicas' else part}: {old} then, "
                    f"{new} now, so the script has changed; start anew with --overwrite or in another --workdir."
                )


def _fields(record: Mapping[str, Any], part: str) -> dict[str, Any]:
    """The fields of a part of config.json; the experiment's name is a field of its own."""
    value = record.get(part, {})
    return value if isinstance(value, dict) else {part: value}


def _first_difference(old: Any, new: Any) -> tuple[Any, Any]:
    """The first entries of two lists or dictionaries that differ; "nothing" where one has no more; else the two."""
    if type(old) is not type(new) or not isinstance(old, dict | list):
        return old, new
    pairs = zip_longest(
        *(sorted(e.items()) if isinstance(e, dict) else e for e in (old, new)), fillvalue="nothing"
    )
    return next((pair for pair in pairs if pair[0] != pair[1]), (old, new))
