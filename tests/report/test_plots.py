import itertools

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.image import imread
from PIL import Image

from jaxvae.report import Column, curves, embedding, save

BCE = Column(key="bce", title="BCE", unit="nats")
MMD = Column(key="mmd", title="MMD")


def codes(n=200, d=2, scale=1.0):
    return (np.random.default_rng(0).normal(size=(n, d)) * scale).astype(np.float32)


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_embedding_draws_every_code_in_the_colour_of_its_class():
    points, labels = codes(), np.arange(200) % 10
    axes = embedding([("level 1", points)], labels).axes[0]
    scatter = axes.collections[0]
    np.testing.assert_allclose(scatter.get_offsets(), points, rtol=1e-6)
    colors = [to_hex(color) for color in scatter.get_facecolors()]
    assert len(set(colors)) == 10
    assert colors[:10] == colors[10:20]
    assert [patch.radius for patch in axes.patches] == [1, 2]
    assert axes.get_aspect() == 1
    assert (axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) == (
        "level 1",
        "1st dimension",
        "2nd dimension",
    )


def test_levels_share_a_scale_that_holds_every_code():
    figure = embedding([("a", codes()), ("b", codes(scale=9.0)), ("c", codes())], np.zeros(200, np.int32))
    limits = {axes.get_xlim() for axes in figure.axes[:3]} | {axes.get_ylim() for axes in figure.axes[:3]}
    assert len(limits) == 1
    low, high = limits.pop()
    assert -low == high > np.abs(codes(scale=9.0)).max()


def test_high_dimensions_are_turned_to_where_they_vary_without_moving_the_origin():
    scales = np.array([0.1, 3.0, 0.2, 1.0], np.float32)
    points = codes(n=4000, d=4) * scales + np.array([0, 5, 0, 0], np.float32)
    axes = embedding([("z", points)], np.zeros(4000, np.int64)).axes[0]
    shown = axes.collections[0].get_offsets()
    np.testing.assert_allclose(np.abs(shown), np.abs(points[:, [1, 3]]), atol=0.5)
    assert shown[:, 0].mean() == pytest.approx(5, abs=0.2)
    share = points[:, 1].var() / points.var(axis=0).sum()
    assert axes.get_xlabel() == f"1st principal direction\n({share:.0%} of variance)"


def test_a_collapsed_level_is_drawn():
    shown = embedding([("z", np.zeros((20, 5), np.float32))], np.zeros(20, np.int64)).axes[0].collections[0]
    assert (np.asarray(shown.get_offsets()) == 0).all()


def test_a_class_is_named_only_where_it_has_the_majority():
    labels = np.repeat([0, 1], 100)
    apart = codes() + 8 * labels[:, None].astype(np.float32)
    figure = embedding([("mixed", codes()), ("apart", apart)], np.arange(200) % 10)
    assert texts(figure.axes[0]) == []
    figure = embedding([("apart", apart)], labels, class_names=["shirt", "boot"])
    assert texts(figure.axes[0]) == ["shirt", "boot"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["shirt", "boot"]


def test_unlabelled_codes_are_grey():
    labels = np.array([-1, 0, -1])
    scatter = embedding([("z", codes(3))], labels).axes[0].collections[0]
    assert [to_hex(color) for color in scatter.get_facecolors()][::2] == ["#cccccc", "#cccccc"]


@pytest.mark.parametrize(
    ("panels", "labels", "names", "message"),
    [
        ([], np.zeros(3, int), None, "at least one"),
        ([("z", codes(3, 1))], np.zeros(3, int), None, "d >= 2"),
        ([("z", codes(4))], np.zeros(3, int), None, "as many as labels"),
        ([("z", codes(3))], np.full(3, 10), None, "10 classes"),
        ([("z", codes(3))], np.full(3, 2), ["a", "b"], "a name for each"),
    ],
)
def test_embedding_refuses_what_it_cannot_draw(panels, labels, names, message):
    with pytest.raises(ValueError, match=message):
        embedding(panels, labels, class_names=names)


def record(variant="plain", seed=0, epoch=1, split="validation", **metrics):
    return {"variant": variant, "seed": seed, "epoch": epoch, "step": 9 * epoch, "split": split, **metrics}


def test_curves_draw_mean_and_deviation_of_the_seeds():
    records = [record(seed=seed, epoch=e, bce=100 / e + seed) for seed in (0, 1, 4) for e in (2, 1)]
    axes = curves(records, [BCE]).axes[0]
    (line,) = axes.lines
    np.testing.assert_allclose(line.get_xydata(), [[1, 100 + 5 / 3], [2, 50 + 5 / 3]])
    (band,) = axes.collections
    std = np.std([0, 1, 4], ddof=1)
    heights = band.get_paths()[0].vertices[:, 1]
    assert heights.max() == pytest.approx(100 + 5 / 3 + std)
    assert heights.min() == pytest.approx(50 + 5 / 3 - std)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "BCE (nats)")


def test_long_names_of_axes_do_not_cover_each_other():
    columns = [Column(key=f"term_{n}", title="Discriminator, draws from the prior") for n in range(6)]
    records = [record(epoch=epoch, **{column.key: 1.0 for column in columns}) for epoch in (1, 2)]
    figure = curves(records, columns)
    figure.draw_without_rendering()
    boxes = [axes.yaxis.label.get_window_extent() for axes in figure.axes]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


def test_several_records_of_an_epoch_are_averaged():
    records = [record(epoch=epoch, bce=value) for epoch, value in ((1, 9.0), (1, 5.0), (2, 3.0))]
    (line,) = curves(records, [BCE]).axes[0].lines
    np.testing.assert_allclose(line.get_xydata(), [[1, 7], [2, 3]])


def test_variants_differ_in_colour_and_splits_in_weight():
    records = [
        record(variant, epoch=epoch, split=split, bce=1.0, mmd=0.1)
        for variant in ("without", "with")
        for split in ("train", "validation")
        for epoch in (1, 2)
    ]
    figure = curves(records, [BCE, MMD], log={"mmd"})
    assert [axes.get_yscale() for axes in figure.axes] == ["linear", "log"]
    for axes in figure.axes:
        without_train, without, with_train, with_ = axes.lines
        assert without.get_color() == without_train.get_color() != with_.get_color() == with_train.get_color()
        assert without.get_linewidth() > without_train.get_linewidth()
        assert not axes.collections, "one seed has no band"
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["without", "with", "train", "validation"]


def test_a_gap_is_left_where_a_value_is_not_finite():
    values = [3.0, None, float("nan"), 1.0]
    records = [record(epoch=e, bce=value) for e, value in enumerate(values)]
    (line,) = curves(records, [BCE]).axes[0].lines
    np.testing.assert_array_equal(line.get_ydata(), [3, np.nan, np.nan, 1])


def test_a_single_epoch_is_visible():
    axes = curves([record(bce=4.0)], [BCE]).axes[0]
    (line,) = axes.lines
    assert (list(line.get_ydata()), line.get_marker()) == ([4.0], "o")
    low, high = axes.get_xlim()
    assert low < 1 < high
    assert not axes.collections


@pytest.mark.parametrize("values", [[-1.0, 0.0], [-1.0, 2.0]], ids=["none positive", "some positive"])
def test_a_logarithmic_axis_survives_values_that_it_cannot_show(tmp_path, values):
    records = [record(epoch=epoch, mmd=value) for epoch, value in enumerate(values)]
    figure = curves(records, [MMD], log={"mmd"})
    assert figure.axes[0].get_yscale() == ("log" if max(values) > 0 else "linear")
    with Image.open(save(tmp_path / "curves.png", figure)) as picture:
        assert min(picture.size) > 100


def test_twelve_variants_are_told_apart():
    axes = curves([record(f"case {i}", bce=float(i)) for i in range(12)], [BCE]).axes[0]
    assert len({(line.get_color(), line.get_marker()) for line in axes.lines}) >= 7
    records = [record(f"case {i}", epoch=e, bce=float(i)) for i in range(12) for e in (1, 2)]
    lines = curves(records, [BCE]).axes[0].lines
    assert len({(line.get_color(), line.get_marker()) for line in lines}) == 12


@pytest.mark.parametrize("columns", [[], [MMD]])
def test_an_unknown_metric_lists_the_known(columns):
    with pytest.raises(ValueError, match="the metrics bce, ssim; expected"):
        curves([record(bce=1.0, ssim=0.5)], columns)


def test_figures_are_reproducible_small_and_white(tmp_path):
    points = codes(10_000)
    figures = [
        embedding([("a", points), ("b", points), ("c", points)], np.arange(10_000) % 10) for _ in range(2)
    ]
    first, second = (save(tmp_path / f"{i}.png", figure) for i, figure in enumerate(figures))
    assert first.read_bytes() == second.read_bytes()
    assert first.stat().st_size < 400_000
    shown = imread(first)
    assert shown.shape[:2] == (1000, 1000)
    assert (shown[0] == 1).all()


def test_names_do_not_cover_each_other_in_a_small_cluster():
    rng = np.random.default_rng(0)
    codes = np.concatenate([rng.normal((0, x), 0.02, (50, 2)) for x in (0.1, 0.4)]).astype(np.float32)
    figure = embedding([("z", codes)], np.repeat([0, 1], 50), class_names=("no loop", "loop"))
    assert [text.get_text() for text in figure.axes[0].texts] == ["no loop"]


def test_names_do_not_cover_each_other():
    rng = np.random.default_rng(0)
    near, far = (
        np.concatenate([rng.normal(0, 0.02, (50, 2)), rng.normal((0, x), 0.02, (50, 2))]) for x in (0.1, 1.5)
    )
    frame = np.array([[-2.0, -2.0], [2.0, 2.0]])
    labels = np.repeat([0, 1, -1], [50, 50, 2])
    for points, written in ((near, ["no loop"]), (far, ["no loop", "loop"])):
        codes = np.concatenate([points, frame]).astype(np.float32)
        figure = embedding([("z", codes)], labels, class_names=("no loop", "loop"))
        assert [text.get_text() for text in figure.axes[0].texts] == written


@pytest.mark.parametrize(
    "name", ["conv, lr 0.01", "VAE, Swiss roll", "VAE-GAN, attributes", "AAE, Swiss roll, labels"]
)
def test_a_legend_of_many_rows_is_within_its_figure(name):
    variants = [f"{name[:-2]}{number:02}" for number in range(8)]
    rows = [
        {"variant": variant, "seed": 0, "epoch": epoch, "split": split, "bce": 1.0}
        for variant in variants
        for epoch in (1, 2)
        for split in ("train", "validation")
    ]
    figure = curves(rows, [BCE])
    figure.draw_without_rendering()
    (legend,) = figure.legends
    box, whole = legend.get_window_extent(), figure.bbox
    assert box.x0 >= whole.x0
    assert box.y0 >= whole.y0
    assert box.x1 <= whole.x1
    assert box.y1 <= whole.y1
