"""A trained model, ready to be used.

Images are NHWC, float in [0, 1] or uint8; labels, which a conditional model needs and no other takes, are class
numbers, -1 for none, or vectors of attributes from 0 to 1. NumPy and JAX arrays are taken alike, JAX arrays come back.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Integer, Key, UInt8

from jaxvae import models, train
from jaxvae.pieces import in_pieces
from jaxvae.types import Posterior, Variables

Images = Float[Array | np.ndarray, "n h w c"] | UInt8[Array | np.ndarray, "n h w c"]
Codes = tuple[Float[Array | np.ndarray, "n _"], ...]
Labels = (
    Integer[Array | np.ndarray, " _"] | Float[Array | np.ndarray, "_ _"] | Bool[Array | np.ndarray, "_ _"]
)

Sampler: TypeAlias = Callable[[Key[Array, ""], int], models.Latents]
"""`(key, n) -> codes`, n for each level, bottom first."""

PATHS = {"linear": models.interpolate, "spherical": models.interpolate_spherically}
"""Ways from one code to another, by the names that `Run.interpolate` knows."""


class Run:
    """A trained model, ready to be used.

    Attributes:
        model: the Flax module.
        variables: its trained parameters and statistics.
        config: what the run was started with, as in config.json.
        variant: name of the setting that was trained.
        seed: its seed.
    """

    def __init__(
        self, model: Any, variables: Variables, *, config: dict[str, Any], variant: str, seed: int
    ) -> None:
        self.model = model
        self.variables = jax.tree.map(jnp.asarray, variables)
        self.config = config
        self.variant = variant
        self.seed = seed
        self._encode = jax.jit(partial(models.encode, model))
        self._decode = jax.jit(partial(models.decode, model))

    def __repr__(self) -> str:
        return f"Run({self.config['experiment']}: {self.variant}, seed {self.seed})"

    @property
    def parameters(self) -> int:
        """How many trained numbers the model has."""
        return sum(leaf.size for leaf in jax.tree.leaves(self.variables["params"]))

    @property
    def evaluation_key(self) -> Key[Array, ""]:
        """Key for evaluating this model, which its training did not draw from."""
        return train.Replica(self.variant, self.seed, {}).evaluation_key

    def encode(self, images: Images, *, labels: Labels | None = None) -> tuple[Posterior, ...]:
        """q(z | x).

        Args:
            images: [n, h, w, c].
            labels: [n], the images' classes, or [n, attributes].

        Returns:
            One posterior for each level, bottom first.

        Raises:
            ValueError: images of a shape that the model was not trained on, or labels that do not fit.
        """
        inputs = images, self._to_labels(labels, len(images))
        return in_pieces(lambda x, y: self._encode(self.variables, _to_float(x), labels=y), inputs)

    def decode(self, latents: Codes, *, labels: Labels | None = None) -> Float[Array, "n h w c"]:
        """The mean of p(x | z).

        Args:
            latents: [n, d] for each level, bottom first.
            labels: [n], the images' classes, or [n, attributes].

        Returns:
            Images in [0, 1].

        Raises:
            ValueError: latents that do not match the model's levels, or labels that do not fit.
        """
        codes = tuple(jnp.asarray(z, jnp.float32) for z in latents)
        inputs = codes, self._to_labels(labels, len(codes[0]) if codes else 0)
        return in_pieces(lambda z, y: self._decode(self.variables, z, labels=y), inputs)

    def reconstruct(self, images: Images, *, labels: Labels | None = None) -> Float[Array, "n h w c"]:
        """Encodes images and decodes the posterior means.

        Args:
            images: [n, h, w, c].
            labels: [n], the images' classes, or [n, attributes].

        Returns:
            Images in [0, 1].

        Raises:
            ValueError: images of a shape that the model was not trained on, or labels that do not fit.
        """
        return self.decode(tuple(q.mean for q in self.encode(images, labels=labels)), labels=labels)

    def sample(
        self, n: int, *, seed: int = 0, labels: Labels | None = None, sampler: Sampler | None = None
    ) -> Float[Array, "n h w c"]:
        """New images.

        Args:
            n: how many.
            seed: decides which; with the prior, the same for every model of one shape.
            labels: [n], the classes that the images shall be of, or [n, attributes], what they shall have.
            sampler: where codes come from, as `jaxvae.study.make_sampler` makes it; the model's prior if not given.

        Returns:
            Images in [0, 1].

        Raises:
            ValueError: labels that do not fit.
        """
        key = jax.random.key(seed)
        codes = models.draw(key, models.sampled_priors(self.model), n) if sampler is None else sampler(key, n)
        return self.decode(codes, labels=labels)

    def traverse(
        self, latents: Codes, values: Float[np.ndarray, " k"], *, labels: Labels | None = None
    ) -> list[Float[Array, "k k h w c"]]:
        """Images over a plane of codes, one plane for each level.

        Args:
            latents: codes to keep in the other levels: [1, d] for each level to hold them fixed, or [k * k, d] to have
                other ones in each cell.
            values: coordinates along the first two dimensions of the moved level.
            labels: [1], the class of all the images, or [1, attributes].

        Returns:
            Bottom level first, images in [0, 1]; [i, j] is decoded at values[j] in the level's first dimension and
            values[i] in its second.

        Raises:
            ValueError: latents that do not match the model's levels, or labels that do not fit.
        """
        side = len(values)
        codes = tuple(jnp.asarray(z, jnp.float32) for z in latents)
        planes = [models.traverse(codes, jnp.asarray(values), level=n) for n in range(1, len(codes) + 1)]
        everywhere = self._repeated(labels, side**2)
        images = [self.decode(z, labels=everywhere) for z in planes]
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
        """Images on the way from the code of one to that of another.

        Args:
            start: one image, [1, h, w, c].
            end: one image, [1, h, w, c].
            steps: how many images, both ends counted, at least 2.
            path: "linear" for the straight line, "spherical" for the great circle; see
                `jaxvae.models.interpolate_spherically`.
            labels: [1], the class of both ends and all between, or [1, attributes].

        Returns:
            Images in [0, 1], from the reconstruction of `start` to that of `end`.

        Raises:
            ValueError: fewer than 2 steps, not one image at each end, an unknown path, or labels that do not fit.
        """
        if path not in PATHS:
            raise ValueError(f"path must be one of {', '.join(PATHS)}, got {path!r}.")
        if len(start) != 1 or len(end) != 1:
            raise ValueError(f"start and end must be one image each, got {len(start)} and {len(end)}.")
        first, last = (tuple(q.mean for q in self.encode(image, labels=labels)) for image in (start, end))
        codes = PATHS[path](first, last, steps)
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
        if models.told(self.model) == "attributes":
            return jnp.asarray(labels, jnp.float32)
        if labels.ndim != 1:
            raise ValueError(f"labels must be class numbers, one for each example, got shape {labels.shape}.")
        numbers = jnp.asarray(labels, jnp.int32)
        known = n and not isinstance(numbers, jax.core.Tracer)
        conditional = getattr(self.model, "conditional", False)
        if conditional and known and not -1 <= numbers.min() <= numbers.max() < self.model.classes:
            raise ValueError(
                f"labels must be from 0 to {self.model.classes - 1}, or -1 for none, got {numbers.min()} to "
                f"{numbers.max()}."
            )
        return numbers


def _to_float(images: Images) -> Float[Array, "n h w c"]:
    if images.dtype == np.uint8:
        return jnp.asarray(images).astype(jnp.float32) / 255
    known = images.size and not isinstance(images, jax.core.Tracer)
    if known and (float(images.min()) < 0 or float(images.max()) > 1):
        raise ValueError(
            f"images must be uint8 or float in [0, 1], got {images.dtype} from {float(images.min()):g} to "
            f"{float(images.max()):g}."
        )
    return jnp.asarray(images, jnp.float32)
