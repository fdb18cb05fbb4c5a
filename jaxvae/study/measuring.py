"""What is measured of trained models, each once: measurements survive an interruption."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from jaxvae import evaluate, losses, models
from jaxvae.files import exists, write_atomically
from jaxvae.records import Record, is_measured, read_lines
from jaxvae.run import Run
from jaxvae.study.experiment import Experiment
from jaxvae.study.training import forward


class Measuring(ABC):
    """Measures trained models; what was measured before an interruption is read from `measures.jsonl`.

    The run's report ends that file; what is damaged in it is measured again. A subclass gives `measure`, and `words`
    where there is more to say.

    Args:
        experiment: the run.
        protocol: how it measures, of what JSON can hold; a model is measured anew if it changes.

    Attributes:
        experiment: the run.
        protocol: how it measures, for results.json.
    """

    def __init__(self, experiment: Experiment, protocol: Mapping[str, Any]) -> None:
        self.experiment = experiment
        self.protocol = dict(protocol)

    @abstractmethod
    def measure(self, run: Run) -> dict[str, float]:
        """Measures one model.

        Args:
            run: the trained model.

        Returns:
            Values by name.
        """

    @property
    def words(self) -> str:
        """How it measures, in a sentence without its full stop."""
        return f"Measured on {len(self.experiment.test_set):,} {self.experiment.measured_on}"

    def __call__(self, run: Run) -> dict[str, float]:
        """As `measure`, once for each model.

        Args:
            run: the trained model, known by its variant and seed.

        Returns:
            Values by name.
        """
        path = self.experiment.workdir.measures
        records = read_lines(path, _is_measurement)[0] if exists(path) else []
        own = {"variant": run.variant, "seed": run.seed, "protocol": self.protocol}
        for record in records:
            if own.items() <= record.items():
                return record["metrics"]
        metrics = self.measure(run)
        self.experiment.workdir.require()
        text = "".join(f"{json.dumps(record)}\n" for record in [*records, own | {"metrics": metrics}])
        write_atomically(path, text.encode())
        return metrics


def _is_measurement(record: Record) -> bool:
    metrics = record.get("metrics")
    return isinstance(metrics, dict) and all(map(is_measured, metrics.values()))


class ByModel:
    """An evaluator for each model, one for all that differ in their variables alone, so that it is compiled once.

    Args:
        make: makes the evaluator of a model.
    """

    def __init__(self, make: Callable[[Any], evaluate.Evaluator]) -> None:
        self._make = make
        self._evaluators: dict[str, evaluate.Evaluator] = {}

    def __call__(self, model: Any) -> evaluate.Evaluator:
        """The evaluator of a model.

        Args:
            model: the Flax module.

        Returns:
            What `make` gave for the first such model.
        """
        kind = str(models.describe(model) | {"initialization": None})
        if kind not in self._evaluators:
            self._evaluators[kind] = self._make(model)
        return self._evaluators[kind]


class Evaluated(Measuring):
    """Measures models by an evaluator, on the held-out images.

    Args:
        experiment: the run.
        evaluator: of all models, or a `ByModel`.
    """

    def __init__(self, experiment: Experiment, evaluator: evaluate.Evaluator | ByModel) -> None:
        super().__init__(experiment, {})
        self._evaluator = evaluator

    def measure(self, run: Run) -> dict[str, float]:
        """Measures one model.

        Args:
            run: the trained model.

        Returns:
            What the evaluator gives.
        """
        evaluator = self._evaluator(run.model) if isinstance(self._evaluator, ByModel) else self._evaluator
        return dict(evaluator(run.evaluation_key, run.variables, self.experiment.batches))


def reconstructions(experiment: Experiment) -> Evaluated:
    """Measures autoencoders with Bernoulli pixels: the two parts of the evidence lower bound, and reconstructions.

    Args:
        experiment: the run.

    Returns:
        A measure of kl and bce in nats per image, against the model's own prior, and of mse and ssim of
        reconstructions.
    """
    return Evaluated(experiment, ByModel(reconstruction_evaluator))


def reconstruction_evaluator(model: models.Autoencoder) -> evaluate.Evaluator:
    """Builds an evaluator of an autoencoder with Bernoulli pixels and the prior that is its own.

    Args:
        model: an autoencoder.

    Returns:
        An evaluator of kl and bce in nats per image, and of mse and ssim of the reconstructions.
    """
    kl = losses.compose({"kl": losses.kl(models.own_priors(model))}, {"kl": 1.0})
    return evaluate.combine(
        evaluate.objective_evaluator(forward(model), kl), evaluate.reconstruction_evaluator(forward(model))
    )
