from itertools import pairwise

import numpy as np
import pytest
from matplotlib.image import imread

from jaxvae.report import captioned, save


def drawn(tmp_path, figure):
    """The figure as it is written, [height, width, 3]."""
    return imread(save(tmp_path / "figure.png", figure))[..., :3]


def test_every_image_stands_above_its_caption(tmp_path):
    images = np.random.default_rng(0).random((5, 20, 10, 3), np.float32)
    captions = [f"score {number}" for number in range(5)]
    figure = captioned(images, captions, columns=2)
    picture = drawn(tmp_path, figure)
    height, width = picture.shape[:2]
    assert [text.get_text() for text in figure.texts] == captions
    scale = width // 21  # two images and a pixel between
    for number, text in enumerate(figure.texts):
        x, y = text.get_position()
        left, bottom = round(x * width - 5 * scale), round((1 - y) * height - 0.55 * round(0.05 * width))
        image = picture[bottom - 20 * scale : bottom : scale, left : left + 10 * scale : scale]
        np.testing.assert_allclose(image, images[number], atol=1 / 255)


def test_captions_stay_in_the_figure_and_leave_the_images_alone(tmp_path):
    images = np.full((16, 8, 8, 1), 0.5, np.float32)
    figure = captioned(images, ["0.123"] * 16, columns=8)
    drawn(tmp_path, figure)
    boxes = [text.get_window_extent() for text in figure.texts]
    width, height = figure.get_size_inches() * figure.dpi
    assert all(box.x0 >= 0 and box.x1 <= width and box.y0 >= 0 and box.y1 <= height for box in boxes)
    panels = [axes.get_window_extent() for axes in figure.axes]
    assert not any(box.overlaps(panel) for box in boxes for panel in panels)
    assert not any(a.overlaps(b) for a, b in pairwise(boxes))


def test_a_figure_has_room_for_fewer_images_than_columns(tmp_path):
    figure = captioned(np.zeros((1, 4, 4, 3), np.uint8), ["one"], columns=8)
    assert drawn(tmp_path, figure).shape[1] >= 1000


def test_a_caption_for_every_image_is_asked_for():
    with pytest.raises(ValueError, match="got 1 for 2 images"):
        captioned(np.zeros((2, 4, 4, 3), np.uint8), ["one"], columns=2)
