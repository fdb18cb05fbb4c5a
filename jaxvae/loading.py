"""A trained run read back from disk."""

import os
from pathlib import Path
from typing import Any

import jax

from jaxvae import models, train
from jaxvae.run import Run


def load(workdir: str | os.PathLike[str], *, variant: str | None = None, seed: int | None = None) -> Run:
    """Reads a trained model from the directory that an experiment left.

    Args:
        workdir: the run's directory, such as "runs/vlae_mnist".
        variant: which of the run's settings; the last one, which is the one that a report proposes, if not given.
        seed: which of its seeds; the first one if not given.

    Returns:
        The model of the run's newest undamaged checkpoint, with averaged parameters if the run kept them. It
        computes in the run's precision, so that its images are those that the run evaluated, and in the layout
        that this machine likes.

    Raises:
        ValueError: the directory holds no run, no such variant or seed, or no readable checkpoint.
    """
    directory, config = _find(train.Workdir(Path(workdir)), variant)
    replicas = config["replicas"]
    variant = replicas[-1]["variant"] if variant is None else variant
    fitting = [
        number
        for number, replica in enumerate(replicas)
        if replica["variant"] == variant and seed in (None, replica["seed"])
    ]
    if not fitting:
        there = ", ".join(f"({r['variant']!r}, seed {r['seed']})" for r in replicas)
        wanted = f"variant {variant!r}" + ("" if seed is None else f" with seed {seed}")
        raise ValueError(f"{workdir} has no run of {wanted}; it has {there}.")
    number = fitting[0]
    tree = train.Checkpoints(directory.checkpoints).restore_tree()
    variables = {"params": tree["ema"] or tree["params"], **tree["model_state"]}
    return Run(
        models.build(
            config.get("models", {}).get(variant, config["model"]), precision=config["config"]["precision"]
        ),
        jax.tree.map(lambda leaf: leaf[number], variables),
        config=config,
        variant=variant,
        seed=replicas[number]["seed"],
    )


def _find(directory: train.Workdir, variant: str | None) -> tuple[train.Workdir, dict[str, Any]]:
    """The directory that a variant was trained in, and its config.json."""
    config = directory.read_config()
    if "replicas" not in config:
        raise ValueError(f"{directory.config} was not written by an experiment of jaxvae.")
    parts = config.get("parts", {})
    if not parts:
        return directory, config
    variant = list(parts)[-1] if variant is None else variant
    if variant not in parts:
        raise ValueError(f"{directory.path} has no run of variant {variant!r}; it has {', '.join(parts)}.")
    directory = directory.part(parts[variant])
    return directory, directory.read_config()
