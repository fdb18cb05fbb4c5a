"""The records and protocols that cross rooms.

Images are NHWC; uint8 on disk and in `jaxvae.data`, float32 in [0, 1] from the train step on. `n` is the
number of examples in a batch, `d` a latent size.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NewType, Protocol, TypeAlias, TypeVar, runtime_checkable

import flax.struct
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key
from typing_extensions import override

Variables: TypeAlias = Mapping[str, Any]
"""Flax variable collections, `{"params": ..., "batch_stats": ...}`."""

Logits = NewType("Logits", Float[Array, " n"])
"""A discriminator's logits [n], large for real; a type of its own, so that a type checker rejects probabilities."""

LabelField: TypeAlias = Literal["label", "attributes"]
"""Name of a `Batch` field that a model can be conditioned on."""


@flax.struct.dataclass
class Batch:
    """Examples as the train step and the evaluators see them.

    Attributes:
        image: [n, height, width, channels], float32 in [0, 1].
        label: [n], class number; -1 where there is none.
        mask: [n], 1 for an example that counts, 0 for padding.
        index: [n], position in the global batch. Noise is drawn per position, so that a batch gets the same noise
            on one device as spread over several.
        attributes: [n, attributes], binary attributes of the image, 0 or 1 each; None where the data have none.
        axis_name: in mode "pmap", name of the mapped axis over which the global batch is spread; means over examples
            and set-level terms are taken over that axis. None for a batch that is whole.
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

    def draw(self, noise: Float[Array, "n d"]) -> Float[Array, "n d"]:
        """Turns draws from N(0, I) into draws from the posterior, differentiably.

        Args:
            noise: [n, d], one draw for each example.

        Returns:
            [n, d].
        """
        return self.mean + self.stddev * noise


@flax.struct.dataclass
class FullPosterior(Posterior):
    """A Gaussian q(z | x) with a covariance of its own for each example; `stddev` is that of each dimension by itself.

    Attributes:
        factor: [n, d, d], the covariance's Cholesky factor: lower triangular, with a positive diagonal. The norms of
            its rows are `stddev`.
    """

    factor: Float[Array, "n d d"] = flax.struct.field(kw_only=True)

    @override
    def draw(self, noise: Float[Array, "n d"]) -> Float[Array, "n d"]:
        return self.mean + jnp.einsum("nij,nj->ni", self.factor, noise)


@flax.struct.dataclass
class Output:
    """What an autoencoder returns for a batch; loss terms see this and the batch.

    Attributes:
        logits: [n, height, width, channels], the decoder's unbounded output; sigmoid(logits) is the mean
            image.
        posteriors: one per level, bottom level first; a plain VAE has one level.
        latents: per level [n, d], reparameterized draws from the posteriors.
        log_scale: learned log standard deviation of the observation noise, a scalar; None if the model has
            none.
        label_logits: [n, classes], the model's unbounded prediction of the label; None if it predicts none.
        features: the encoder's activations after every stage, [n, height, width, channels] each, first for the
            image, then for its mean reconstruction; None unless the model computes them.
    """

    logits: Float[Array, "n h w c"]
    posteriors: tuple[Posterior, ...]
    latents: tuple[Float[Array, "n _"], ...]
    log_scale: Float[Array, ""] | None = None
    label_logits: Float[Array, "n classes"] | None = None
    features: tuple[tuple[Float[Array, "n _ _ _"], ...], tuple[Float[Array, "n _ _ _"], ...]] | None = None


@flax.struct.dataclass
class AdversarialOutput(Output):
    """An `Output` with the discriminator's inputs and logits, for the losses of several players.

    Attributes:
        real: [n, ...], inputs that the discriminator should classify as real.
        fakes: [n, ...] for each kind of generated input, which the discriminator should classify as fake.
        real_logits: [n], the discriminator's unbounded logits, large for real.
        fake_logits: [n] for each kind.
        real_features: [n, features], inner activations of the discriminator for the image; None if it does not see
            images.
        fake_features: [n, features], the same for the reconstruction.
        slopes: [n] for each kind, norm of the logit's gradient at a point between real and fake; empty unless
            requested.
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
    """p(z): a distribution of codes that can be sampled and has a density."""

    def sample(self, key: Key[Array, ""], n: int) -> Float[Array, "n d"]:
        """Draws codes.

        Args:
            key: source of randomness.
            n: how many codes.

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


_Model = TypeVar("_Model", bound="Model")


@runtime_checkable
class Model(Protocol):
    """A network of one of the model families: a Flax module that takes images."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of the images that it takes."""
        ...

    @property
    def label_field(self) -> LabelField | None:
        """Field of a `Batch` that its methods take as the argument `label`; None if they take none."""
        ...

    @property
    def label_size(self) -> int:
        """Number of classes, or of attributes, of `label`; 0 if the methods take none."""
        ...

    def __call__(
        self,
        key: Key[Array, ""],
        image: Float[Array, "n h w c"],
        index: Int[Array, " n"],
        train: bool = False,
    ) -> Any:
        """Maps images to what the family is for; called through `apply`.

        Args:
            key: source of randomness.
            image: in [0, 1], of `image_shape`.
            index: position of each example in the global batch, on which the randomness depends, so that a batch gets
                the same on one device as spread over several.
            train: whether the layers behave as in training; BatchNorm then uses the batch's statistics, and dropout
                drops.

        Returns:
            The `Output` of an autoencoder, the logits [n, classes] of a classifier.

        Raises:
            ValueError: images of another shape.
        """
        ...

    def init(self, rngs: Key[Array, ""], *args: Any, **kwargs: Any) -> Any:
        """Flax's `Module.init`: the variables before training.

        Args:
            rngs: source of randomness.
            *args: of the method that is called, `__call__` by default.
            **kwargs: of that method.

        Returns:
            Parameters and statistics, by Flax collection.
        """
        ...

    def apply(self, variables: Variables, *args: Any, **kwargs: Any) -> Any:
        """Flax's `Module.apply`: calls a method with these variables.

        Args:
            variables: by Flax collection.
            *args: of the method.
            **kwargs: of the method; `method` is its name, `__call__` by default, and `mutable` names the collections
                whose updates are returned too.

        Returns:
            What the method returns.
        """
        ...

    def clone(self: _Model, **updates: Any) -> _Model:
        """Flax's `Module.clone`: a copy.

        Args:
            **updates: attributes to change.

        Returns:
            The copy.
        """
        ...


class RunStopped(Exception):  # noqa: N818
    """A run that ended early for a reason that its user can understand and fix.

    Attributes:
        status: the process's exit status.
        resumable: whether the same command with --resume continues the run.
    """

    def __init__(self, message: str, *, status: int = 1, resumable: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.resumable = resumable
