"""The sides of `benchmarks.epochs`: one VAE, trained by jaxvae's loop and by pythae's trainer."""

import io
import logging
import os
import tempfile
import time
from contextlib import redirect_stderr
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing.connection import Connection
from typing import Any

import jax
import numpy as np

from jaxvae import data, models

MODEL = "conv"
"""Of `benchmarks.workloads`: what both train, a convolutional VAE with a code of 10 numbers."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """A contestant.

    Attributes:
        library: "jaxvae" or "pythae".
        batch_size: examples in a step.
        images: training images.
        loader_workers: processes that load pythae's batches; 0 loads them between steps.
    """

    library: str
    batch_size: int
    images: int
    loader_workers: int = 0

    @property
    def pixels(self) -> np.ndarray:
        """MNIST's first training images, [n, 28, 28, 1], uint8."""
        return data.load("mnist", split="train", limit=self.images).images


def check_installed() -> None:
    """Refuses to start without what only this benchmark needs.

    Raises:
        ValueError: PyTorch or pythae is not installed.
    """
    if not all(map(find_spec, ("torch", "pythae"))):
        raise ValueError('this needs PyTorch and pythae: pip install -e ".[bench]"')


def serve(side: Side, pipe: Connection) -> None:
    """The process of a contestant; each turn is an epoch.

    Sends an empty message after the first epoch, which compiles and warms, then seconds and training loss (nats per
    image, mean over the epoch) of each epoch that it is asked for, until the pipe ends.

    Args:
        side: the contestant.
        pipe: to the referee.
    """
    jax.config.update("jax_platforms", "cpu")
    if side.library == "jaxvae":
        _serve_jaxvae(side, pipe)
    else:
        _serve_pythae(side, pipe)


def _serve_jaxvae(side: Side, pipe: Connection) -> None:
    from benchmarks.contestants import Contestant
    from benchmarks.ours import Ours

    contestant = Contestant(
        side="ours",
        model=MODEL,
        batch_size=side.batch_size,
        precision="float32",
        device="cpu",
        threads=len(os.sched_getaffinity(0)),
    )
    ours = Ours(contestant, side.pixels)
    steps = side.images // side.batch_size
    ours.run(steps)
    pipe.send(None)
    while True:
        pipe.recv()
        pipe.send((ours.run(steps), ours.loss))


def _pythae_model() -> Any:
    """VAE of pythae's around our network's twin, with parameters as ours begins with."""
    import torch
    from pythae.models import VAE, VAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder

    from benchmarks import weights
    from benchmarks.networks import make_model
    from benchmarks.twins import PaddedTwin
    from benchmarks.workloads import WORKLOADS

    workload = WORKLOADS[MODEL]
    twin = PaddedTwin(workload)
    initial = models.init(jax.random.key(0), make_model(workload, "float32"))
    weights.load(twin, jax.tree.map(np.asarray, initial["params"]))

    class Encoder(BaseEncoder):
        def __init__(self) -> None:
            super().__init__()
            self.stages, self.head = twin.stages, twin.heads[0]

        def forward(self, x: torch.Tensor) -> Any:
            for stage in self.stages:
                x = stage(x)
            mean, log_variance = self.head(x.flatten(1)).chunk(2, dim=1)
            return ModelOutput(embedding=mean, log_covariance=log_variance)

    class Decoder(BaseDecoder):
        def __init__(self) -> None:
            super().__init__()
            self.expand, self.unstages, self.to_logits = twin.expand, twin.unstages, twin.to_logits

        def forward(self, z: torch.Tensor) -> Any:
            logits = self.to_logits(self.unstages(self.expand(z)))
            return ModelOutput(reconstruction=torch.sigmoid(logits))

    height, width, channels = workload.image_shape
    (latent_size,) = workload.latent_sizes
    config = VAEConfig(input_dim=(channels, height, width), latent_dim=latent_size, reconstruction_loss="bce")
    return VAE(config, Encoder(), Decoder())


def _serve_pythae(side: Side, pipe: Connection) -> None:
    import torch
    from pythae.data.datasets import BaseDataset
    from pythae.trainers import BaseTrainer, BaseTrainerConfig
    from pythae.trainers.training_callbacks import TrainingCallback

    logging.disable(logging.INFO)

    class Turns(TrainingCallback):
        """Waits for the referee before every epoch but the first, and answers after it."""

        warm = False

        def on_epoch_begin(self, training_config: Any, **_: Any) -> None:
            if self.warm:
                pipe.recv()
            self.began = time.perf_counter()

        def on_log(self, training_config: Any, logs: Any, **_: Any) -> None:
            seconds = time.perf_counter() - self.began
            pipe.send((seconds, float(logs["train_epoch_loss"])) if self.warm else None)
            self.warm = True

    pixels = torch.from_numpy(np.moveaxis(side.pixels, -1, 1).astype(np.float32) / 255)
    with tempfile.TemporaryDirectory() as folder:
        training = BaseTrainerConfig(
            output_dir=folder,
            per_device_train_batch_size=side.batch_size,
            num_epochs=1_000_000,
            learning_rate=1e-3,
            train_dataloader_num_workers=side.loader_workers,
            no_cuda=True,
        )
        trainer = BaseTrainer(
            model=_pythae_model(),
            train_dataset=BaseDataset(pixels, torch.zeros(len(pixels))),
            training_config=training,
            callbacks=[Turns()],
        )
        with redirect_stderr(io.StringIO()):  # its progress bars
            trainer.train()
