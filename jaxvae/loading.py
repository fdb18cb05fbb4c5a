"""A trained run read back from disk."""

import os
from pathlib import Path
from typing import Any

import jax

from jaxvae import models, train
from jaxvae.run import Run


def load(workdir: str | os.PathLike[str], *, variant: str | None = None, seed: int | None = None) -> Run:
    """Reads a trained model from the directory that an experiment wrote.

    Args:
        workdir: directory of the run, such as "runs/vlae_mnist".
        variant: which setting of the run; the last one, which is the one that a report proposes, if not given.
        seed: which of its seeds; the first one that did not diverge if not given.

    Returns:
        The model of the run's newest undamaged checkpoint, with averaged parameters if the run kept them. It computes
        in the precision of the run, so that its images are those that the run evaluated, and in the default layout of
        this platform.

    Raises:
        ValueError: the directory holds no run, no such variant or seed, a variant that diverged, or no readable
            checkpoint.
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
    variables = {"params": tree["ema"] or tree["params"], **tree["model_state"]}
    description = config.get("models", {}).get(variant, config["model"])
    return Run(
        models.build(description, precision=config["config"]["precision"]),
        jax.tree.map(lambda leaf: leaf[number], variables),
        config=config,
        variant=variant,
        seed=replicas[number]["seed"],
    )


def _find(directory: train.Workdir, variant: str | None) -> tuple[train.Workdir, dict[str, Any], str]:
    """The directory that a variant was trained in, its config.json, and the variant, the last if not given."""
    config = directory.read_config()
    parts = config.get("parts", {})
    if parts:
        variant = list(parts)[-1] if variant is None else variant
        if variant not in parts:
            raise ValueError(
                f"{directory.path} has no run of variant {variant!r}; it has {', '.join(parts)}."
            )
        directory = directory.part(parts[variant])
        config = directory.read_config()
    if "replicas" not in config:
        raise ValueError(f"{directory.config} was not written by an experiment of jaxvae.")
    return directory, config, config["replicas"][-1]["variant"] if variant is None else variant
