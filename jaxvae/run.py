"""A trained model, ready for use.

Images are NHWC, float in [0, 1] or uint8. Labels, which a conditional model needs and no other takes, are class
numbers, -1 where unknown, or vectors of attributes from 0 to 1. Arguments are NumPy or JAX arrays, results JAX arrays.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Integer, Key

from jaxvae import models
from jaxvae.images import Images, as_floats, extent
from jaxvae.keys import evaluation_key, seed_key
from jaxvae.pieces import in_pieces
from jaxvae.types import Model, Posterior, Variables

Codes = tuple[Float[Array | np.ndarray, "n _"], ...]
Labels = (
    Integer[Array | np.ndarray, " _"] | Float[Array | np.ndarray, "_ _"] | Bool[Array | np.ndarray, "_ _"]
)

Sampler: TypeAlias = Callable[[Key[Array, ""], int], models.Latents]
"""`(key, n) -> codes`, [n, d] for each level, bottom first."""


class Run:
    """A trained model, ready for use.

    Attributes:
        model: the network.
        variables: its trained parameters and statistics.
        config: the record of the run, as in config.json.
        variant: name of the trained setting.
        seed: seed of the training.
    """

    def __init__(
        self, model: Model, variables: Variables, *, config: dict[str, Any], variant: str, seed: int
    ) -> None:
        self.model = model
        self.variables = jax.tree.map(jnp.asarray, variables)
        self.config = config
        self.variant = variant
        self.seed = seed

    def __repr__(self) -> str:
        return f"Run({self.config['experiment']}: {self.variant}, seed {self.seed})"

    @property
    def autoencoder(self) -> models.Autoencoder:
        """The model, if it is an autoencoder, as most methods need it.

        Raises:
            ValueError: the model is a classifier.
        """
        if not isinstance(self.model, models.Autoencoder):
            raise ValueError(f"this run trained a {type(self.model).__name__}, which is no autoencoder.")
        return self.model

    @property
    def parameters(self) -> int:
        """Number of trained parameters."""
        return sum(leaf.size for leaf in jax.tree.leaves(self.variables["params"]))

    @property
    def matmul_precision(self) -> str:
        """How exactly this model multiplies: as its training did, and as JAX does by default if no one knows."""
        return self.config.get("config", {}).get("matmul_precision", "default")

    @property
    def evaluation_key(self) -> Key[Array, ""]:
        """Key for evaluating this model, which its training did not draw from."""
        return evaluation_key(self.seed)

    def encode(self, images: Images, *, labels: Labels | None = None) -> tuple[Posterior, ...]:
        """Posterior q(z | x).

        Args:
            images: [n, h, w, c].
            labels: [n], classes of the images, or [n, attributes].

        Returns:
            One posterior for each level, bottom first.

        Raises:
            ValueError: images of another shape than the model was trained on, labels that do not match the images or
                the model, or a model that is no autoencoder.
        """
        inputs = images, self._to_labels(labels, len(images))
        with jax.default_matmul_precision(self.matmul_precision):
            return in_pieces(lambda x, y: _encode(self.autoencoder, self.variables, _to_float(x), y), inputs)

    def decode(self, latents: Codes, *, labels: Labels | None = None) -> Float[Array, "n h w c"]:
        """Mean of p(x | z).

        Args:
            latents: [n, d] for each level, bottom first.
            labels: [n], classes of the images, or [n, attributes].

        Returns:
            Images in [0, 1].

        Raises:
            ValueError: latents that do not match the model's levels, labels that do not match the latents or the
                model, or a model that is no autoencoder.
        """
        codes = tuple(jnp.asarray(z, jnp.float32) for z in latents)
        if len({len(z) for z in codes}) > 1:
            raise ValueError(
                f"latents must be as many on each level, got {', '.join(str(len(z)) for z in codes)}."
            )
        inputs = codes, self._to_labels(labels, len(codes[0]) if codes else 0)
        with jax.default_matmul_precision(self.matmul_precision):
            return in_pieces(lambda z, y: _decode(self.autoencoder, self.variables, z, y), inputs)

    def reconstruct(self, images: Images, *, labels: Labels | None = None) -> Float[Array, "n h w c"]:
        """Encodes images and decodes the posterior means.

        Args:
            images: [n, h, w, c].
            labels: [n], classes of the images, or [n, attributes].

        Returns:
            Images in [0, 1].

        Raises:
            ValueError: images of another shape than the model was trained on, labels that do not match the images or
                the model, or a model that is no autoencoder.
        """
        return self.decode(tuple(q.mean for q in self.encode(images, labels=labels)), labels=labels)

    def sample(
        self, n: int, *, seed: int = 0, labels: Labels | None = None, sampler: Sampler | None = None
    ) -> Float[Array, "n h w c"]:
        """New images.

        Args:
            n: how many.
            seed: source of randomness, from 0 to 2**32 - 1; models of equal priors get equal codes from the prior.
            labels: [n], class of each image, or its attributes, [n, attributes].
            sampler: source of the codes, as `jaxvae.study.make_sampler` makes it; the model's prior if not given.

        Returns:
            Images in [0, 1].

        Raises:
            ValueError: n below 0, a seed out of range, a sampler that is no function, labels that do not match n or the
                model, or a model that is no autoencoder.
        """
        if n < 0:
            raise ValueError(f"n must be at least 0, got {n}.")
        if not (sampler is None or callable(sampler)):
            raise ValueError(
                f"sampler must be a function (key, n), as jaxvae.study.make_sampler makes it, got {sampler!r}."
            )
        key = seed_key(seed)
        with jax.default_matmul_precision(self.matmul_precision):
            codes = models.draw(key, self.autoencoder.priors, n) if sampler is None else sampler(key, n)
        return self.decode(codes, labels=labels)

    def traverse(
        self, latents: Codes, values: Float[np.ndarray, " k"], *, labels: Labels | None = None
    ) -> list[Float[Array, "k k h w c"]]:
        """Images over a plane of codes, one plane for each level.

        Args:
            latents: values of the other levels: [1, d] for each level for the same in all cells, or [k * k, d] for one
                in each cell.
            values: coordinates along the first two dimensions of the varied level.
            labels: [1], class of all images, or [1, attributes].

        Returns:
            Bottom level first, images in [0, 1]; [i, j] is decoded at values[j] in the level's first dimension and
            values[i] in its second.

        Raises:
            ValueError: latents that do not match the model's levels, labels that do not match the latents or the
                model, or a model that is no autoencoder.
        """
        side = len(values)
        codes = tuple(jnp.asarray(z, jnp.float32) for z in latents)
        planes = [models.traverse(codes, jnp.asarray(values), level=n) for n in range(1, len(codes) + 1)]
        repeated = self._repeated(labels, side**2)
        images = [self.decode(z, labels=repeated) for z in planes]
        return [x.reshape(side, side, *self.model.image_shape) for x in images]

    def interpolate(
        self,
        start: Images,
        end: Images,
        steps: int = 10,
        *,
        path: str = "linear",
        labels: Labels | None = None,
    ) -> Float[Array, "steps h w c"]:
        """Images along a path from the code of one image to that of another.

        Args:
            start: one image, [1, h, w, c].
            end: one image, [1, h, w, c].
            steps: how many images, including both ends, at least 2.
            path: "linear" for the straight line, "spherical" for the great circle; see
                `jaxvae.models.interpolate_spherically`.
            labels: [1], class of the ends and of all images between, or [1, attributes].

        Returns:
            Images in [0, 1], from the reconstruction of `start` to that of `end`.

        Raises:
            ValueError: fewer than 2 steps, not one image at each end, an unknown path, labels that do not match the
                model, or a model that is no autoencoder.
        """
        if path not in models.PATHS:
            raise ValueError(f"path must be one of {', '.join(models.PATHS)}, got {path!r}.")
        if len(start) != 1 or len(end) != 1:
            raise ValueError(f"start and end must be one image each, got {len(start)} and {len(end)}.")
        first, last = (tuple(q.mean for q in self.encode(image, labels=labels)) for image in (start, end))
        with jax.default_matmul_precision(self.matmul_precision):
            codes = models.PATHS[path](first, last, steps)
        return self.decode(codes, labels=self._repeated(labels, steps))

    def _repeated(self, labels: Labels | None, n: int) -> Labels | None:
        """One label for each of n images."""
        one = self._to_labels(labels, 1)
        return None if one is None else jnp.broadcast_to(one, (n, *one.shape[1:]))

    def _to_labels(self, labels: Labels | None, n: int) -> models.Labels | None:
        if labels is None:
            return None
        if len(labels) != n:
            raise ValueError(f"labels must be as many as the examples, {n}, got {len(labels)}.")
        if self.model.label_field == "attributes":
            return jnp.asarray(labels, jnp.float32)
        if labels.ndim != 1:
            raise ValueError(f"labels must be class numbers, one for each example, got shape {labels.shape}.")
        numbers, classes = jnp.asarray(labels, jnp.int32), self.model.label_size
        concrete = n and not isinstance(numbers, jax.core.Tracer)
        if (
            self.model.label_field == "label"
            and concrete
            and not -1 <= numbers.min() <= numbers.max() < classes
        ):
            raise ValueError(
                f"labels must be from 0 to {classes - 1}, or -1 for none, got {numbers.min()} to {numbers.max()}."
            )
        return numbers


# Of the module, so that all runs of one model share what is compiled.
@partial(jax.jit, static_argnums=0)
def _encode(
    model: models.Autoencoder, variables: Variables, x: Float[Array, "n h w c"], labels: models.Labels | None
) -> tuple[Posterior, ...]:
    return models.encode(model, variables, x, labels=labels)


@partial(jax.jit, static_argnums=0)
def _decode(
    model: models.Autoencoder, variables: Variables, latents: models.Latents, labels: models.Labels | None
) -> Float[Array, "n h w c"]:
    return models.decode(model, variables, latents, labels=labels)


def _to_float(images: Images) -> Float[Array, "n h w c"]:
    concrete = images.size and not isinstance(images, jax.core.Tracer)
    if images.dtype != np.uint8 and concrete and not (float(images.min()) >= 0 and float(images.max()) <= 1):
        raise ValueError(f"images must be uint8 or float in [0, 1], got {images.dtype} {extent(images)}.")
    return jnp.asarray(as_floats(jnp.asarray(images)), jnp.float32)
