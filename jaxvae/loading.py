"""A trained run read back from disk."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax

from jaxvae import models, train
from jaxvae.records import is_whole
from jaxvae.run import Run
from jaxvae.types import Model, Variables

_PRECISIONS = ("float32", "bfloat16")
_MATMUL_PRECISIONS = ("default", "high", "highest")


def load(workdir: str | os.PathLike[str], *, variant: str | None = None, seed: int | None = None) -> Run:
    """Reads a trained model from the directory that an experiment wrote.

    Args:
        workdir: directory of the run, such as "runs/vlae_mnist"; ~ is the user's home.
        variant: which setting of the run; the last one, which is the one that a report proposes, if not given.
        seed: which of its seeds; the first one that did not diverge if not given.

    Returns:
        The model of the run's newest undamaged checkpoint, with averaged parameters if the run kept them. It computes
        in the precision of the run, so that its images are those that the run evaluated, and in the default layout of
        this platform.

    Raises:
        ValueError: the directory holds no run, no such variant or seed, a variant that diverged, no readable
            checkpoint, or files that were altered.
        OSError: the drive does not answer.
    """
    directory, config, variant = _find(train.Workdir(Path(workdir)), variant)
    replicas = config["replicas"]
    numbers = [
        number
        for number, replica in enumerate(replicas)
        if replica["variant"] == variant and seed in (None, replica["seed"])
    ]
    if not numbers:
        choices = ", ".join(f"({r['variant']!r}, seed {r['seed']})" for r in replicas)
        wanted = f"variant {variant!r}" + ("" if seed is None else f" with seed {seed!r}")
        raise ValueError(f"{workdir} has no run of {wanted}; it has {choices}.")
    diverged = train.read_diverged(directory.diverged)
    standing = [number for number in numbers if (variant, replicas[number]["seed"]) not in diverged]
    if not standing:
        reason = diverged[variant, replicas[numbers[0]]["seed"]]
        raise ValueError(f"{workdir} has no model of variant {variant!r}: {reason}.")
    number = standing[0]
    tree = train.Checkpoints(directory.checkpoints).restore_tree()
    if len(tree["step"]) != len(replicas):
        raise ValueError(
            f"{directory.config} does not fit its checkpoints: it lists {len(replicas)} replicas, they hold "
            f"{len(tree['step'])}."
        )
    stacked = {"params": tree["ema"] or tree["params"], **tree["model_state"]}
    variables = jax.tree.map(lambda leaf: leaf[number], stacked)
    description = config.get("models", {}).get(variant, config.get("model"))
    return Run(
        _build(description, config["config"]["precision"], variables, directory.config),
        variables,
        config=config,
        variant=variant,
        seed=replicas[number]["seed"],
    )


def _find(directory: train.Workdir, variant: str | None) -> tuple[train.Workdir, dict[str, Any], str]:
    """The directory that a variant was trained in, its config.json, and the variant, the last if not given."""
    config = directory.read_config()
    parts = config.get("parts", {})
    if parts:
        if not (isinstance(parts, dict) and all(isinstance(part, str) for part in parts.values())):
            raise ValueError(_foreign(directory))
        variant = list(parts)[-1] if variant is None else variant
        if variant not in parts:
            raise ValueError(
                f"{directory.path} has no run of variant {variant!r}; it has {', '.join(parts)}."
            )
        if parts[variant] not in {folder.name for folder in (directory.path / "parts").glob("*")}:
            raise ValueError(f"{directory.path} has no run of variant {variant!r}: it was not trained yet.")
        directory = directory.part(parts[variant])
        config = directory.read_config()
    if not _describes_training(config):
        raise ValueError(_foreign(directory))
    return directory, config, config["replicas"][-1]["variant"] if variant is None else variant


def _foreign(directory: train.Workdir) -> str:
    return f"{directory.config} was not written by an experiment of jaxvae, or was altered."


def _describes_training(config: Mapping[str, Any]) -> bool:
    flags, replicas = config.get("config"), config.get("replicas")
    return (
        isinstance(config.get("experiment"), str)
        and isinstance(flags, dict)
        and flags.get("precision") in _PRECISIONS
        and flags.get("matmul_precision", "default") in _MATMUL_PRECISIONS
        and all(isinstance(config.get(name, {}), dict) for name in ("model", "models"))
        and isinstance(replicas, list)
        and len(replicas) > 0
        and all(
            isinstance(r, dict) and isinstance(r.get("variant"), str) and is_whole(r.get("seed"))
            for r in replicas
        )
    )


def _build(description: Any, precision: str, variables: Variables, path: Path) -> Model:
    """The model that config.json describes, of which these must be the variables."""
    try:
        model = models.build(description, precision=precision)
        described = jax.eval_shape(lambda: models.init(jax.random.key(0), model))
    except Exception as error:  # Flax and JAX have many for sizes that no network has
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ValueError(f"{path} describes no model: {reason}") from None
    shapes, held = (
        {
            jax.tree_util.keystr(at, simple=True, separator="/"): leaf.shape
            for at, leaf in jax.tree_util.tree_leaves_with_path(tree)
        }
        for tree in (described, variables)
    )
    for name in sorted(shapes.keys() | held.keys()):
        if shapes.get(name) != held.get(name):
            raise ValueError(
                f"{path} does not describe the model in its checkpoints: {name} has shape {shapes.get(name)} there, "
                f"{held.get(name)} here; put back the file as the run wrote it."
            )
    return model
