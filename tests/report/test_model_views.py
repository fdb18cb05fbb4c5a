import numpy as np
import pytest
from matplotlib.patches import Circle
from PIL import Image

from jaxvae.report import (
    Column,
    Heading,
    ModelView,
    Picture,
    Row,
    bars,
    distance_blocks,
    embedding,
    model_blocks,
    summarize,
)

FID = Column(key="fid", title="FID")
RNG = np.random.default_rng(0)


def row(name, values, published=None):
    metrics = summarize([{"fid": v} for v in values]) if values else {}
    return Row(name=name, metrics=metrics, published={} if published is None else {"fid": published})


ROWS = [
    row("a", [3.0, 5.0], 10.0),
    row("b", [8.0, 8.0]),
    row("c", [], 2.0),
    row("d", [float("nan")] * 2, 1.0),
]


def test_bars_stand_for_means_deviations_and_published_values():
    axes = bars(ROWS, FID).axes[0]
    obtained, published = (c for c in axes.containers if hasattr(c, "patches"))
    assert [bar.get_width() for bar in obtained.patches] == [4, 8]
    assert [bar.get_width() for bar in published.patches] == [10, 2, 1]
    places = [[bar.get_y() + bar.get_height() / 2 for bar in c.patches] for c in (obtained, published)]
    assert [round(place) for place in places[0]] == [0, 1]
    assert [round(place) for place in places[1]] == [0, 2, 3]
    assert places[0][0] < places[1][0]
    (segment, _) = obtained.errorbar.lines[2][0].get_segments()
    np.testing.assert_allclose(segment[:, 0], 4 + np.std([3, 5], ddof=1) * np.array([-1, 1]))
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c", "d"]


def test_bars_alone_need_no_legend():
    figure = bars([row("a", [3.0])], FID)
    assert not figure.legends
    assert len(figure.axes[0].patches) == 1


def test_a_metric_that_no_row_has_is_refused():
    with pytest.raises(ValueError, match="a finite value of 'fid', got none"):
        bars([ROWS[2], ROWS[3]], FID)


def test_circles_follow_the_prior():
    codes = RNG.normal(1, 2, (50, 2)).astype(np.float32)
    axes = embedding([("z", codes)], np.zeros(50, np.int64), loc=1.0, scale=2.0).axes[0]
    circles = [patch for patch in axes.patches if isinstance(patch, Circle)]
    assert [(c.center, c.radius) for c in circles] == [((1, 1), 2), ((1, 1), 4)]
    assert sum(axes.get_xlim()) == pytest.approx(2)


def test_codes_of_many_dimensions_are_turned_around_the_priors_mean():
    codes = (RNG.normal(size=(400, 3)) * [3, 0.1, 1] + 1).astype(np.float32)
    axes = embedding([("z", codes)], np.zeros(400, np.int64), loc=1.0, scale=2.0).axes[0]
    shown = np.asarray(axes.collections[0].get_offsets())
    np.testing.assert_allclose(np.abs(shown), np.abs(codes[:, [0, 2]] - 1), atol=0.5)
    assert axes.patches[0].center == (0, 0)


def case(name, d=2, *, prior=(1.0, 2.0), stddev=False):
    return ModelView(
        name=name,
        prior=prior,
        values=np.linspace(-1, 3, 3, dtype=np.float32),
        grid=RNG.random((3, 3, 6, 6, 1), np.float32),
        codes=RNG.normal(size=(20, d)).astype(np.float32),
        reconstructions=RNG.random((4, 6, 6, 1), np.float32),
        samples=RNG.random((5, 6, 6, 1), np.float32),
        stddev=RNG.random((20, d), np.float32) + 0.1 if stddev else None,
    )


def blocks_of(folder, cases):
    return model_blocks(
        folder,
        cases,
        originals=RNG.random((4, 6, 6, 1), np.float32),
        labels=np.arange(20) % 10,
        class_names=[str(n) for n in range(10)],
    )


def test_every_case_has_its_pictures(tmp_path):
    cases = [case("N(0, 1)"), case("10-D BCE", d=10), case("2-D", stddev=True), case("5-D", d=5, stddev=True)]
    blocks = blocks_of(tmp_path, cases)
    pictures = [block.path.name for block in blocks if isinstance(block, Picture)]
    each = ["codes_n_0_1", "codes_10_d_bce", "moments_2_d", "codes_5_d", "moments_5_d"]
    assert pictures == [
        "samples.png",
        "reconstructions.png",
        "grids_1.png",
        *(f"{name}.png" for name in each),
    ]
    assert sum(isinstance(block, Heading) for block in blocks) == 4
    for name in pictures:
        with Image.open(tmp_path / name) as picture:
            assert min(picture.size) > 100


def test_planes_share_a_figure_where_their_coordinates_are_the_same(tmp_path):
    priors = [(1.0, 2.0)] * 3 + [(0.0, 1.0)] + [(1.0, 2.0)] * 2
    cases = [case(name, prior=prior) for name, prior in zip("abcdef", priors, strict=True)]
    captions = {
        block.path.name: block.caption
        for block in blocks_of(tmp_path, cases)
        if isinstance(block, Picture) and block.path.name.startswith("grids")
    }
    decoded = ": images decoded on a grid of equal steps in the probability of the prior "
    ends = {name: tuple(caption.split(decoded)) for name, caption in captions.items()}
    assert ends == {
        "grids_1.png": ("a, b, c, e", "N(1, 2)."),
        "grids_2.png": ("f", "N(1, 2)."),
        "grids_3.png": ("d", "N(0, 1)."),
    }


def test_distances_are_drawn_where_there_are_any(tmp_path):
    columns = [FID, Column(key="classifier_fid", title="Classifier FID")]
    heading, picture, paragraph = distance_blocks(tmp_path, ROWS, columns, words="Told <here>.")
    assert (tmp_path / "fid.png").exists()
    assert picture.path == tmp_path / "fid.png"
    assert "Told &lt;here&gt;." in paragraph.html()
    assert isinstance(heading, Heading)
