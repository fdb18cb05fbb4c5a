"""Directions in a latent space that stand for attributes of images, such as glasses or a smile.

Codes are [n, d]; sums are in float64, on the host.
"""

import numpy as np
from jaxtyping import Array, Bool, Float

from jaxvae.losses._shapes import check_same_length


def attribute_vectors(
    codes: Float[Array | np.ndarray, "n d"], has: Bool[Array | np.ndarray, "n k"]
) -> Float[np.ndarray, "k d"]:
    """Visual attribute vectors: the mean code of images with an attribute minus that of images without it.

    Adding an attribute's vector to a code gives the decoded image the attribute.

    Args:
        codes: [n, d], such as posterior means.
        has: [n, k], whether each image has each attribute.

    Returns:
        [k, d], float32, in the units of the codes; 0 for an attribute that all images have or none.

    Raises:
        ValueError: codes and attributes of different numbers of images.

    References:
        Larsen et al., Autoencoding beyond pixels using a learned similarity metric, ICML 2016, section 4.1.1.
    """
    check_same_length("attribute_vectors", codes=codes, has=has)
    points, present = np.asarray(codes, np.float64), np.asarray(has, np.float64)
    absent = 1 - present
    with_it, without_it = present.sum(axis=0), absent.sum(axis=0)
    means_with = present.T @ points / np.maximum(with_it, 1)[:, None]
    means_without = absent.T @ points / np.maximum(without_it, 1)[:, None]
    both = (with_it > 0) & (without_it > 0)
    return np.where(both[:, None], means_with - means_without, 0).astype(np.float32)
