"""The few records that cross rooms.

Images are NHWC; uint8 on disk and in `jaxvae.data`, float32 in [0, 1] from the train step on. `n` is the
number of examples in a batch, `d` a latent size.
"""

from collections.abc import Callable, Mapping
from typing import Any, NewType, Protocol, TypeAlias, runtime_checkable

import flax.struct
from jaxtyping import Array, Float, Int, Key

Variables: TypeAlias = Mapping[str, Any]
"""Flax variable collections, `{"params": ..., "batch_stats": ...}`."""

Logits = NewType("Logits", Float[Array, " n"])
"""A discriminator's unbounded verdicts [n], large for real; a type checker refuses probabilities in their place."""


@flax.struct.dataclass
class Batch:
    """Examples as the train step and the evaluators see them.

    Attributes:
        image: [n, height, width, channels], float32 in [0, 1].
        label: [n], class number; -1 where there is none.
        mask: [n], 1 for an example that counts, 0 for padding.
        index: [n], position in the global batch. Noise is drawn per position, so that a batch spread over
            several devices meets the same noise as on one.
        attributes: [n, attributes], what else is known of the image, 0 or 1 each; None where nothing is.
        axis_name: name of the mapped axis over devices of which the batch holds one device's share (under `pmap`); None
            where the batch is whole. Means and sets of examples are taken over that axis.
    """

    image: Float[Array, "n h w c"]
    label: Int[Array, " n"]
    mask: Float[Array, " n"]
    index: Int[Array, " n"]
    attributes: Float[Array, "n attributes"] | None = None
    axis_name: str | None = flax.struct.field(pytree_node=False, default=None)


@flax.struct.dataclass
class Posterior:
    """A diagonal Gaussian q(z | x) for each example.

    Attributes:
        mean: [n, d].
        stddev: [n, d], positive.
    """

    mean: Float[Array, "n d"]
    stddev: Float[Array, "n d"]


@flax.struct.dataclass
class Output:
    """What a model returns for a batch, all that a loss term may look at besides the batch.

    Attributes:
        logits: [n, height, width, channels], the decoder's unbounded output; sigmoid(logits) is the mean
            image.
        posteriors: one per level, bottom level first; a plain VAE has one level.
        latents: per level [n, d], reparameterized draws from the posteriors.
        log_scale: learned log standard deviation of the observation noise, a scalar; None if the model has
            none.
        label_logits: [n, classes], unbounded, what the model tells of the label; None if it tells nothing.
        features: activations after every stage of the encoder, [n, height, width, channels] each: those of the
            image, and those of the mean reconstruction; None if the model does not look at what it made.
    """

    logits: Float[Array, "n h w c"]
    posteriors: tuple[Posterior, ...]
    latents: tuple[Float[Array, "n _"], ...]
    log_scale: Float[Array, ""] | None = None
    label_logits: Float[Array, "n classes"] | None = None
    features: tuple[tuple[Float[Array, "n _ _ _"], ...], tuple[Float[Array, "n _ _ _"], ...]] | None = None


@flax.struct.dataclass
class AdversarialOutput(Output):
    """An `Output` together with what the model's discriminator says, for the losses of several players.

    Attributes:
        real: [n, ...], what the discriminator should take for real.
        fakes: [n, ...] each, kinds of what is generated, which it should not.
        real_logits: [n], the discriminator's unbounded verdict, large for real.
        fake_logits: [n] for each kind.
        real_features: [n, features], inner activations of the discriminator that sees the image; None if there are
            none to compare.
        fake_features: [n, features], the same of the reconstruction.
        slopes: [n] for each kind, norm of the verdict's gradient between real and fake; none unless asked for.
    """

    real: Float[Array, "n ..."] = flax.struct.field(kw_only=True)
    fakes: tuple[Float[Array, "n ..."], ...] = flax.struct.field(kw_only=True)
    real_logits: Logits = flax.struct.field(kw_only=True)
    fake_logits: tuple[Logits, ...] = flax.struct.field(kw_only=True)
    real_features: Float[Array, "n features"] | None = None
    fake_features: Float[Array, "n features"] | None = None
    slopes: tuple[Float[Array, " n"], ...] = ()


Term: TypeAlias = Callable[[Key[Array, ""], Output, Batch], Float[Array, " *n"]]
"""A loss term, `(key, output, batch) -> [n]` nats per example, or a scalar if it looks at the batch as a set."""

Schedule: TypeAlias = Callable[[Int[Array, ""]], Float[Array, ""]]
"""Step number -> value, as in Optax."""

Kernel: TypeAlias = Callable[[Float[Array, " d"], Float[Array, " d"]], Float[Array, ""]]
"""A positive definite symmetric function of two points."""


@runtime_checkable
class Prior(Protocol):
    """p(z): anything that can be sampled and, where it has a density, evaluated."""

    def sample(self, key: Key[Array, ""], n: int) -> Float[Array, "n d"]:
        """Draws points.

        Args:
            key: source of randomness.
            n: how many points.

        Returns:
            [n, d].
        """
        ...

    def log_prob(self, z: Float[Array, "n d"]) -> Float[Array, " n"]:
        """Log density.

        Args:
            z: [n, d].

        Returns:
            [n], nats summed over dimensions.
        """
        ...


class RunStopped(Exception):  # noqa: N818
    """A run that ended early in a way that its user can understand and mend.

    Attributes:
        status: the process's exit status.
        resumable: whether the same command with --resume goes on from here.
    """

    def __init__(self, message: str, *, status: int = 1, resumable: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.resumable = resumable
