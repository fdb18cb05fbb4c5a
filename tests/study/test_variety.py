import numpy as np
import pytest

from jaxvae import evaluate, models, study
from jaxvae.study.variety import effective_number


class Classifier(study.FeatureClassifier):
    """Finds the class that the first pixel is a tenth of; sure if the second one is bright. Activations are pixels."""

    def classes(self, images):
        return np.rint(10 * images[:, 0, 0, 0]).astype(int)

    def certainty(self, images):
        return images[:, 0, 1, 0]

    def activations(self, images):
        return images.reshape(len(images), -1)


def marked(classes, certainty):
    images = np.random.default_rng(0).uniform(size=(len(classes), 4, 4, 1)).astype(np.float32)
    images[:, 0, 0, 0], images[:, 0, 1, 0] = np.array(classes) / 10, certainty
    return images


JUDGE = Classifier(models.Classifier((4, 4, 1)), {}, 1.0)
REALS = marked([0, 1, 2, 3] * 5, 1.0)


def test_what_a_classifier_finds_is_counted():
    samples = marked([0, 0, 0, 1, 1, 1, 3, 3], [0.95, 0.9, 0.5, 1.0, 1.0, 0.2, 0.89, 0.99])
    found = study.Variety(JUDGE, 4, REALS)(samples)
    assert [found[f"found_{c}"] for c in range(4)] == [2 / 8, 2 / 8, 0, 1 / 8]
    assert found["sure"] == 5 / 8
    shares = np.array([3, 3, 2]) / 8
    assert found["effective_classes"] == pytest.approx(np.exp(-(shares * np.log(shares)).sum()))


def test_the_data_is_as_sharp_as_itself_and_covers_itself():
    found = study.Variety(JUDGE, 4, REALS)(REALS)
    assert (found["sharpness_ratio"], found["class_coverage"], found["sure"]) == (1, 1, 1)
    assert found["effective_classes"] == pytest.approx(4)
    blurred = study.Variety(JUDGE, 4, REALS)(0.5 * REALS)
    assert blurred["sharpness_ratio"] == pytest.approx(0.25, rel=1e-4)


def test_coverage_is_the_share_of_balls_with_a_sample():
    samples = marked([0, 1, 2, 2, 2, 2], 1.0)[:, ::-1]
    real, drawn = (JUDGE.activations(x).astype(np.float64) for x in (REALS, samples))
    covered = 0
    for i, point in enumerate(real):
        radius = sorted(np.linalg.norm(point - other) for j, other in enumerate(real) if j != i)[4]
        covered += any(np.linalg.norm(point - sample) < radius for sample in drawn)
    found = study.Variety(JUDGE, 4, REALS)(samples)
    assert found["class_coverage"] == covered / len(real)
    assert found["class_coverage"] == evaluate.density_coverage(real, drawn).coverage


@pytest.mark.parametrize(
    ("shares", "number"), [([1, 0, 0], 1), ([0.5, 0.5, 0], 2), ([0.25] * 4, 4), ([0.5, 0.25, 0.25], 2**1.5)]
)
def test_the_effective_number_of_equal_shares_is_their_number(shares, number):
    assert effective_number(np.array(shares)) == pytest.approx(number)


def test_a_few_real_images_have_no_neighbourhoods():
    assert "class_coverage" not in study.Variety(JUDGE, 4, REALS[:5])(REALS)
