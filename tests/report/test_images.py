import numpy as np
import pytest
from matplotlib.image import imread

from jaxvae.report import Traversal, comparison, image_grid, save, traversal


def digits(n, h=5, w=4, c=1, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, h, w, c), dtype=np.uint8)


def pixels(path):
    return np.rint(imread(path)[..., :3] * 255).astype(np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
def test_every_image_is_at_its_place_and_the_rest_is_white(channels):
    images = digits(7, c=channels)
    grid = image_grid(images, columns=3, padding=2)
    assert grid.shape == (3 * 7 - 2, 3 * 6 - 2, 3)
    rest = np.ones(grid.shape[:2], bool)
    for i, image in enumerate(images):
        place = np.s_[i // 3 * 7 : i // 3 * 7 + 5, i % 3 * 6 : i % 3 * 6 + 4]
        np.testing.assert_array_equal(grid[place], np.broadcast_to(image, (5, 4, 3)))
        rest[place] = False
    assert rest.any()
    assert (grid[rest] == 255).all()


def test_scale_repeats_pixels():
    images = digits(2)
    grid = image_grid(images, columns=2, padding=0, scale=3)
    np.testing.assert_array_equal(grid[::3, ::3], image_grid(images, columns=2, padding=0))
    np.testing.assert_array_equal(grid[2::3, 2::3], grid[::3, ::3])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floating_point_images_are_rounded_to_the_nearest_level(dtype):
    images = digits(3)
    np.testing.assert_array_equal(
        image_grid(images.astype(dtype) / 255, columns=9), image_grid(images, columns=9)
    )


def test_saved_grid_decodes_to_the_same_pixels(tmp_path):
    grid = image_grid(digits(4, c=3), columns=2)
    path = save(tmp_path / "figures" / "grid.png", grid)
    np.testing.assert_array_equal(pixels(path), grid)


@pytest.mark.parametrize(
    ("images", "options", "message"),
    [
        (digits(0), {}, "at least one image"),
        (digits(1, c=2), {}, "1 or 3 channels"),
        (digits(1), {"columns": 0}, "columns >= 1"),
        (digits(1), {"padding": -1}, "padding >= 0"),
        (digits(1).astype(np.float32), {}, "not logits"),
        (np.full((1, 2, 2, 1), np.nan), {}, "not logits"),
    ],
)
def test_unusable_images_are_refused(images, options, message):
    with pytest.raises(ValueError, match=message):
        image_grid(images, **{"columns": 1, **options})


def test_comparison_shows_its_groups_pixel_by_pixel(tmp_path):
    groups = [("original", digits(6)), ("with SSIM", digits(6, seed=1)), ("without", digits(3, seed=2))]
    shown = pixels(save(tmp_path / "c.png", comparison(groups, columns=3)))
    scale = 72
    assert shown.shape[1] == scale * 14 >= 1000
    band = round(0.055 * shown.shape[1])
    top = 0
    for _, images in groups:
        label = shown[top : top + band]
        assert label.min() < 100, "the label is missing"
        assert (label[:2] == 255).all()
        assert (label[-2:] == 255).all()
        top += band
        sheet = image_grid(images, columns=3, scale=scale)
        np.testing.assert_array_equal(shown[top : top + len(sheet)], sheet)
        top += len(sheet)
    assert top == len(shown)


def test_comparison_needs_a_group():
    with pytest.raises(ValueError, match="at least one"):
        comparison([])


def panel(k=3, seed=0, title="level 1"):
    grid = digits(k * k, seed=seed).reshape(k, k, 5, 4, 1)
    return Traversal(title=title, grid=grid, x_label="$z_1[0]$", y_label="$z_1[1]$")


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_traversal_grows_upwards_and_to_the_right(tmp_path, levels):
    panels = [panel(seed=level, title=f"level {level}") for level in range(levels)]
    figure = traversal(panels, values=np.linspace(-2, 2, 3))
    shown = pixels(save(tmp_path / "t.png", figure))
    assert len(figure.axes) == levels
    assert shown.shape[1] >= 1000
    for axes, expected in zip(figure.axes, panels, strict=True):
        x0, y0, x1, y1 = np.rint(axes.get_window_extent().extents).astype(int)
        drawn = shown[len(shown) - y1 : len(shown) - y0, x0:x1]
        h, w = len(drawn) // 3, drawn.shape[1] // 3
        assert (h % 5, w % 4) == (0, 0), "a pixel is not a whole number of PNG pixels"
        for tick, j in zip(axes.get_xticks(), range(3), strict=True):
            assert tick == pytest.approx(j * 4 + 1.5)
        for tick, i in zip(axes.get_yticks(), range(3), strict=True):
            assert tick == pytest.approx((2 - i) * 5 + 2)
        top_left = drawn[:h, :w][h // 10 :: h // 5, w // 8 :: w // 4]
        np.testing.assert_array_equal(top_left[..., 0], expected.grid[2, 0, ..., 0])
        assert axes.get_title() == expected.title
        assert [label.get_text() for label in axes.get_xticklabels()] == ["−2", "0", "2"]  # noqa: RUF001


@pytest.mark.parametrize(
    "panels", [[], [panel(), panel(k=2)], [panel(k=4)]], ids=["none", "unequal", "other"]
)
def test_traversal_refuses_panels_that_do_not_fit_the_values(panels):
    with pytest.raises(ValueError, match="with k = 3"):
        traversal(panels, values=np.linspace(-2, 2, 3))


def test_figures_fit_in_a_page(tmp_path):
    grids = [panel(k=11, seed=level) for level in range(3)]
    path = save(tmp_path / "t.png", traversal(grids, values=np.linspace(-2, 2, 11)))
    assert path.stat().st_size < 400_000
