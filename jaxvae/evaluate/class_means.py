"""Classification of codes by the nearest class mean.

Codes are [n, d], labels class numbers, -1 where there is none. Sums are in float64, on the host.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Array, Float, Integer

from jaxvae.losses._shapes import check_same_length

_SMOOTHING = 1e-9
"""Share of the largest variance that is added to all, so that a dimension without variance does not divide by 0."""


@dataclass(frozen=True, eq=False)
class ClassMeans:
    """Gaussians with one diagonal covariance for all classes.

    Attributes:
        means: [classes, d].
        variance: [d], within classes.
    """

    means: Float[np.ndarray, "classes d"]
    variance: Float[np.ndarray, " d"]

    def probabilities(self, codes: Float[Array | np.ndarray, "n d"]) -> Float[np.ndarray, "n classes"]:
        """Probability of each class, if all classes are equally frequent.

        Args:
            codes: [n, d], with as many dimensions as the class means.

        Returns:
            [n, classes], the softmax of minus half the squared Mahalanobis distances to the class means; sums to 1.

        Raises:
            ValueError: codes of another number of dimensions.
        """
        if codes.shape[1] != len(self.variance):
            raise ValueError(
                f"codes must have the {len(self.variance)} dimensions of the class means, got {codes.shape[1]}."
            )
        scale = np.sqrt(self.variance)
        points, means = np.asarray(codes, np.float64) / scale, self.means / scale
        # |x - m|^2 without |x|^2, which is the same for all classes.
        scores = points @ means.T - np.square(means).sum(axis=1) / 2
        shares = np.exp(scores - scores.max(axis=1, keepdims=True, initial=-np.inf))
        return shares / shares.sum(axis=1, keepdims=True)


def fit_class_means(
    codes: Float[Array | np.ndarray, "n d"], labels: Integer[Array | np.ndarray, " n"], *, classes: int
) -> ClassMeans:
    """Fits linear discriminant analysis with a diagonal covariance and equally frequent classes.

    Dimensions are assumed to be independent within a class; if they are not, the probabilities are too close to 0 and
    1.

    Args:
        codes: [n, d].
        labels: [n], in [0, classes); an example labelled -1 is ignored.
        classes: number of classes, each with at least one example.

    Returns:
        The class means, and for each dimension the variance about them: the mean of the squares over all labelled
        codes.

    Raises:
        ValueError: codes and labels differ in number, a class has no examples, or a label is out of range.

    References:
        Hastie, Tibshirani & Friedman, The Elements of Statistical Learning, 2nd edition, 2009, sections 4.3 and 18.2.
    """
    check_same_length("fit_class_means", codes=codes, labels=labels)
    numbers = np.asarray(labels)
    if numbers.max(initial=-1) >= classes or numbers.min(initial=-1) < -1:
        raise ValueError(
            f"labels must lie in [-1, {classes}), got {int(numbers.min())} to {int(numbers.max())}."
        )
    points, numbers = np.asarray(codes, np.float64)[numbers >= 0], numbers[numbers >= 0]
    counts = np.bincount(numbers, minlength=classes)
    if empty := [str(number) for number in np.flatnonzero(counts == 0)]:
        raise ValueError(
            f"every class needs an example, but there is none of {', '.join(empty)}; leave the class out."
        )
    means = np.stack([points[numbers == number].mean(axis=0) for number in range(classes)])
    variance = np.mean(np.square(points - means[numbers]), axis=0)
    floor = _SMOOTHING * points.var(axis=0).max(initial=0) + np.finfo(np.float64).tiny
    return ClassMeans(means, variance + floor)
