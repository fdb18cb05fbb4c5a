"""Variational Ladder Autoencoder with SSIM loss, on MNIST."""

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import jax
import jax.numpy as jnp

from jaxvae import cli, data, evaluate, losses, models, train


@dataclass(frozen=True, kw_only=True)
class LadderConfig:
    """The network."""

    latent_sizes: tuple[int, ...] = (2, 2, 2)
    widths: tuple[int, ...] = (32, 64, 128)
    hidden: int = 512
    shared_merge: bool = True


@dataclass(frozen=True, kw_only=True)
class LossConfig:
    likelihood: Literal["bernoulli", "gaussian", "laplace"] = "bernoulli"
    ssim: float = 100.0
    mmd: float = 100.0
    kl: float = 0.0
    kernel_power: int = 1


@dataclass(frozen=True, kw_only=True)
class Config(cli.RunConfig):
    workdir: Path = Path("runs/vlae_mnist")
    model: LadderConfig = field(default_factory=LadderConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    learning_rate: float = 1e-3
    final_learning_rate: float = 0.02
    clip_norm: float = 0.0
    ema: float = 0.0


def main(config: Config) -> None:
    parallel = train.Parallel(config.parallel, config.devices)
    sets = {s: data.load(config.data, split=s, source=config.data_source, data_dir=config.data_dir) for s in ("train", "test")}
    source = data.Resident(sets["train"], batch_size=config.batch_size, remainder=config.remainder)
    layout = models.layout(config.layout)
    build = lambda axis: models.VLAE(
        sets["train"].spec.image_shape, config.model.latent_sizes, config.model.widths, config.model.hidden,
        config.model.shared_merge, axis_name=axis, layout=layout)
    model, evalmodel = build(parallel.axis_name), build(None)
    priors = models.standard_priors(model)
    kernel = losses.dimension_rbf(power=config.loss.kernel_power)
    def objective(axis):
        terms = {"bce": losses.reconstruction(config.loss.likelihood), "ssim_loss": losses.ssim_loss(),
                 "mmd": losses.mmd(priors, kernel, axis_name=axis)}
        w = {"bce": 1.0, "ssim_loss": config.loss.ssim, "mmd": config.loss.mmd}
        return losses.compose(terms, w, axis_name=axis)
    obj = objective(parallel.axis_name)
    def ladder_loss(key, params, model_state, batch, step, hyper):
        mk, tk = jax.random.split(key)
        out, st = model.apply({"params": params, **model_state}, mk, batch.image, batch.index, True, mutable=["batch_stats"])
        loss, metrics = obj(tk, out, batch, step, {"ssim_loss": hyper["ssim"]})
        return {"ladder": loss}, (st, metrics)
    def init(key):
        v = evalmodel.init(key, key, jnp.zeros((1, *sets["train"].spec.image_shape)), jnp.zeros(1, int))
        return v
    shapes = jax.eval_shape(init, jax.random.key(0))
    lr = train.schedule(config.learning_rate, steps=config.epochs * source.steps_per_epoch, final=config.final_learning_rate)
    players = {"ladder": train.Player(tuple(shapes["params"]), train.adam(lr, clip_norm=config.clip_norm))}
    replicas = [train.Replica(v, config.seed + s, {"ssim": w}) for v, w in (("without SSIM", 0.0), ("with SSIM", config.loss.ssim)) for s in range(config.seeds)]
    forward = lambda key, variables, batch: evalmodel.apply(variables, key, batch.image, batch.index)
    sample = lambda key, variables, n: models.sample(key, evalmodel, variables, n)
    ev = evaluate.objective_evaluator(forward, objective(None))
    bs = list(data.batches(sets["test"], batch_size=250))
    state = train.run(replicas, init=init, losses=ladder_loss, players=players, source=source,
        evaluate=lambda v, r: ev(jax.random.key(r.seed), v, bs), epochs=config.epochs, workdir=train.Workdir(config.workdir),
        record={"config": {"epochs": config.epochs}, "data": {}}, resume=config.resume, overwrite=config.overwrite, parallel=parallel, ema_decay=config.ema,
        compiler_options=layout.compiler_options)
    import numpy as np, pickle
    rec = evaluate.reconstruction_evaluator(forward); lat = evaluate.latent_evaluator(forward, kernel=kernel)
    for r, rep in enumerate(replicas):
        v = state.replica(r).variables
        t = time.time()
        m = rec(jax.random.key(0), v, bs) | lat(jax.random.key(0), v, bs)
        s = sample(jax.random.key(1), v, 256)
        m["sharp"] = float(evaluate.sharpness(s).mean()); m["sharp_data"] = float(evaluate.sharpness(jnp.asarray(sets["test"].images[:2000], jnp.float32) / 255).mean())
        print(rep, {k: round(x, 5) for k, x in m.items()}, "eval s", round(time.time() - t, 1))
        np.savez(config.workdir / f"samples{r}.npz", s=s)
        pickle.dump(jax.device_get(v), open(config.workdir / f"v{r}.pkl", "wb"))


if __name__ == "__main__":
    cli.launch(main, {"full": Config, "smoke": lambda: Config(epochs=1)}, description=__doc__)
