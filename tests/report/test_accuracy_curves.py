import numpy as np
import pytest
from PIL import Image

from jaxvae.report import Series, accuracy_curves, save

GENERATED = Series(
    name="generated + MNIST", x=(0.05, 0.2, 1), mean=(0.95, 0.97, 0.99), std=(0.01, 0.002, 0.001)
)
ALONE = Series(name="MNIST alone", x=(0.05, 1.0), mean=(0.9, 0.985), std=(None, float("nan")))
PUBLISHED = {0.2: 0.9693, 0.5: 0.9797, 1: 0.9869}


def draw(*series, published=None):
    figure = accuracy_curves(series, x_label="share of MNIST", y_label="test accuracy", published=published)
    return figure, figure.axes[0]


def heights(axes, values):
    return axes.transData.transform([(0, value) for value in values])[:, 1]


def test_lines_run_through_means_with_their_deviations():
    _, axes = draw(GENERATED, ALONE)
    first, second = axes.containers
    np.testing.assert_allclose(np.array(first.lines[0].get_ydata(), float), GENERATED.mean)
    np.testing.assert_allclose(np.array(second.lines[0].get_ydata(), float), ALONE.mean)
    assert first.lines[0].get_color() != second.lines[0].get_color()
    ends = [segment[:, 1] for segment in first.lines[2][0].get_segments()]
    np.testing.assert_allclose(ends, [[0.94, 0.96], [0.968, 0.972], [0.989, 0.991]])
    assert not any(map(len, second.lines[2][0].get_segments())), "one seed has no bar"


def test_shares_are_at_equal_distances_and_series_side_by_side():
    figure, axes = draw(GENERATED, ALONE, published=PUBLISHED)
    assert [label.get_text() for label in axes.get_xticklabels()] == ["5 %", "20 %", "50 %", "100 %"]
    assert list(axes.get_xticks()) == [0, 1, 2, 3]
    assert axes.get_xlim() == pytest.approx((-0.4, 3.4))
    first, second = (np.array(container.lines[0].get_xdata(), float) for container in axes.containers)
    np.testing.assert_allclose(np.round(first), [0, 1, 3])
    np.testing.assert_allclose(np.round(second), [0, 3])
    assert first[0] < 0 < second[0]
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["generated + MNIST", "MNIST alone", "published"]


def test_published_values_are_points_of_their_own():
    _, axes = draw(GENERATED, published=PUBLISHED)
    (points,) = (line for line in axes.lines if line.get_label() == "published")
    np.testing.assert_allclose(points.get_xydata(), [[1, 0.9693], [2, 0.9797], [3, 0.9869]])
    assert (points.get_marker(), points.get_linestyle(), points.get_markerfacecolor()) == (
        "D",
        "None",
        "none",
    )


def test_equal_factors_of_the_error_are_equal_steps():
    _, axes = draw(GENERATED, ALONE)
    steps = np.diff(heights(axes, [0.9, 0.99, 0.999]))
    assert steps[0] == pytest.approx(steps[1])
    assert axes.get_ylabel() == "test accuracy\n(logarithmic in the error)"
    shown = np.diff(heights(axes, [0.97, 0.99]))[0] / np.diff(heights(axes, axes.get_ylim()))[0]
    assert shown > 0.2


@pytest.mark.parametrize(
    ("mean", "std"), [((0.0, 1.0), (0.1, 0.1)), ((0.98, 0.98), (None, None)), ((1.0, None), (0.0, 0.0))]
)
def test_ticks_enclose_all_values(tmp_path, mean, std):
    figure, axes = draw(Series(name="a", x=(0, 1), mean=mean, std=std))
    low, high = axes.get_ylim()
    assert low < high
    assert list(axes.get_yticks()[[0, -1]]) == [low, high]
    assert np.diff(heights(axes, axes.get_yticks())).min() > 25
    for value in mean:
        assert value is None or low <= min(value, 0.9999) <= high
    with Image.open(save(tmp_path / "against.png", figure)) as picture:
        assert picture.size[0] == 1000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mean": (0.9,)}, "2 shares, 1 means and 2 deviations"),
        ({"mean": (0.9, 98.5)}, r"in \[0, 1\], got 0\.05 to 98\.5"),
        ({"x": (5, 100)}, r"'MNIST alone' needs shares"),
    ],
)
def test_a_series_refuses_what_is_no_share(change, message):
    fields = {"name": "MNIST alone", "x": ALONE.x, "mean": ALONE.mean, "std": ALONE.std}
    with pytest.raises(ValueError, match=message):
        Series(**fields | change)


def test_published_values_are_shares_and_something_is_obtained():
    with pytest.raises(ValueError, match="'published' needs shares"):
        draw(GENERATED, published={0.2: 96.93})
    with pytest.raises(ValueError, match="a series with an accuracy, got none"):
        draw(Series(name="a", x=(0.5,), mean=(None,), std=(None,)))


@pytest.mark.parametrize("name", ["short", "with images of a generator that saw everything"])
def test_the_legend_stays_inside(name):
    long = Series(name=name, x=(0.2,), mean=(0.9,), std=(None,))
    figure, _ = draw(long, ALONE, published=PUBLISHED)
    figure.draw_without_rendering()
    box = figure.legends[0].get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1
