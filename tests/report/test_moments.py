import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Circle
from PIL import Image

from jaxvae.report import moments, save

RNG = np.random.default_rng(0)
LABELS = np.arange(200) % 4


def posteriors(d, n=200):
    return RNG.normal(size=(n, d)).astype(np.float32), np.exp(RNG.normal(-2, 0.5, (n, d))).astype(np.float32)


def test_a_plane_shows_every_mean_and_every_variance_in_the_colour_of_its_class():
    mean, stddev = posteriors(2)
    figure = moments(mean, stddev, LABELS, class_names=["a", "b", "c", "d"])
    left, right = figure.axes
    for axes, values in ((left, mean), (right, stddev**2)):
        scatter = axes.collections[0]
        np.testing.assert_allclose(scatter.get_offsets(), values, rtol=1e-5)
        colors = [to_hex(color) for color in scatter.get_facecolors()]
        assert len(set(colors)) == 4
        assert colors[:4] == colors[4:8]
        (low, high), other = axes.get_xlim(), axes.get_ylim()
        assert (low, high) == other
        assert low < values.min() <= values.max() < high
    assert [right.get_xscale(), right.get_yscale()] == ["log", "log"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b", "c", "d"]


def test_the_median_variance_of_every_class_is_marked():
    mean, stddev = posteriors(2)
    right = moments(mean, stddev, np.where(LABELS == 3, -1, LABELS)).axes[1]
    dots = [line for line in right.lines if line.get_marker() == "o"]
    assert len(dots) == 3
    expected = np.median(stddev[LABELS == 1].astype(float) ** 2, axis=0)
    np.testing.assert_allclose(np.ravel(dots[1].get_data()), expected, rtol=1e-5)


def test_a_plane_is_drawn_beside_its_prior():
    mean, stddev = posteriors(2)
    left, right = moments(mean, stddev, LABELS, loc=1.0, scale=2.0).axes
    circles = [patch for patch in left.patches if isinstance(patch, Circle)]
    assert [(c.center, c.radius) for c in circles] == [((1, 1), 2), ((1, 1), 4)]
    assert [line.get_ydata()[0] for line in right.lines if line.get_marker() != "o"][:1] == [4]
    assert right.get_xlim()[1] > 4


@pytest.mark.parametrize("d", [1, 3, 16])
def test_maps_hold_the_moments_of_each_class_and_of_all(d):
    mean, stddev = posteriors(d)
    figure = moments(mean, stddev, LABELS)
    sure, spread = (np.asarray(axes.images[0].get_array()) for axes in figure.axes[:2])
    assert sure.shape == spread.shape == (5, d)
    own = LABELS == 2
    np.testing.assert_allclose(sure[2], np.mean(stddev[own] ** 2, axis=0), rtol=1e-5)
    np.testing.assert_allclose(sure[4], np.mean(stddev**2, axis=0), rtol=1e-5)
    np.testing.assert_allclose(spread[2], np.std(mean[own], axis=0), rtol=1e-5)
    np.testing.assert_allclose(spread[4], np.std(mean, axis=0), rtol=1e-5)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["0", "1", "2", "3", "all"]
    numbers = [text.get_text() for text in figure.axes[0].texts]
    assert numbers == ([f"{value:.2f}" for value in sure.ravel()] if d < 16 else [])


def test_both_maps_are_lightest_where_a_dimension_is_unused():
    mean, stddev = posteriors(3)
    mean[:, 1], stddev[:, 1] = 0.0, 1.0
    for axes in moments(mean, stddev, LABELS).axes[:2]:
        image = axes.images[0]
        brightness = image.to_rgba(image.get_array())[..., :3].sum(axis=-1)
        assert (brightness.argmax(axis=1) == 1).all()


def test_a_class_without_images_has_an_empty_row(tmp_path):
    mean, stddev = posteriors(3)
    figure = moments(mean, stddev, np.where(LABELS == 1, -1, LABELS))
    sure = np.ma.filled(figure.axes[0].images[0].get_array(), np.nan)
    assert np.isnan(sure).any(axis=1).tolist() == [False, True, False, False, False]
    with Image.open(save(tmp_path / "moments.png", figure)) as picture:
        assert picture.size[0] == 1000


@pytest.mark.parametrize("d", [2, 5])
def test_ten_thousand_images_make_a_small_file(tmp_path, d):
    mean, stddev = posteriors(d, 10_000)
    path = save(tmp_path / "moments.png", moments(mean, stddev, np.arange(10_000) % 10))
    assert path.stat().st_size < 400_000


@pytest.mark.parametrize(
    ("count", "stddev", "names", "message"),
    [
        (0, 1.0, None, "one or more posteriors"),
        (3, 0.0, None, "standard deviations down to 0"),
        (3, np.nan, None, "standard deviations down to nan"),
        (3, 1.0, ["a"], "a name for each"),
    ],
)
def test_moments_refuses_what_it_cannot_draw(count, stddev, names, message):
    mean = np.zeros((count, 2), np.float32)
    with pytest.raises(ValueError, match=message):
        moments(mean, np.full_like(mean, stddev), np.full(count, 1), class_names=names)
