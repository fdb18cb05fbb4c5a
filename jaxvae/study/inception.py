"""Inception's weights for an experiment that can do without, and the distances that need them."""

from typing import Any

from jaxvae import cli, evaluate
from jaxvae.images import Images
from jaxvae.screen import say


class InceptionDistances:
    """Distances of sets of images in the features of Inception v3; none without its weights.

    Args:
        inception: the network; without one there are no distances.
        reals: the images that others are compared with.
        resize: how images come to the network's size, "bilinear" or "clean".
        precision: of its products, "float32" or "bfloat16".

    Attributes:
        protocol: how it measures, for results.json; empty without a network.
    """

    def __init__(
        self, inception: evaluate.Inception | None, reals: Images, *, resize: str, precision: str
    ) -> None:
        self._settings: dict[str, Any] = {"inception": inception, "resize": resize, "precision": precision}
        self._real = None
        self.protocol: dict[str, Any] = {}
        if inception is not None:
            self._real = evaluate.image_statistics(reals, **self._settings, cache=True)
            self.protocol = {
                "fid_weights": inception.name,
                "fid_resize": resize,
                "fid_precision": precision,
            }

    @property
    def words(self) -> str:
        """How it measures, as a list of words; empty without a network."""
        return ", ".join(self.protocol.values())

    def __call__(self, images: Images, *, names: tuple[str, ...] = ("fid", "kid")) -> dict[str, float]:
        """Compares images with the real ones.

        Args:
            images: uint8, or floats in [0, 1].
            names: fields of `jaxvae.evaluate.fid`'s result.

        Returns:
            Those of the named that so many images allow; none without a network.
        """
        if self._real is None:
            return {}
        found = vars(evaluate.fid(images, self._real, **self._settings))
        return {name: found[name] for name in names if found[name] is not None}


def find_inception(config: cli.SamplesConfig) -> evaluate.Inception | None:
    """Inception's weights, if FID is wanted and they are found; a line says so if they are not.

    Args:
        config: whose flags say what is wanted and where to look.

    Returns:
        The weights or None.

    Raises:
        ValueError: a file of weights was named and is no such.
    """
    if not config.fid:
        return None
    try:
        return evaluate.load_inception(config.inception)
    except evaluate.InceptionNotFoundError as error:
        say(f"There will be no FID. {error}")
        return None
