"""Galleries with a caption below every image. Images are as in `images`."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from jaxvae.images import Images
from jaxvae.report.galleries import place, scale_to
from jaxvae.report.images import image_grid
from jaxvae.report.style import INK, WIDTH, canvas, own_style, text_size

_PADDING = 0.06
"""White space between neighbours, in image widths."""


@own_style()
def captioned(images: Images, captions: Sequence[str], *, columns: int) -> Figure:
    """Arranges images in rows, left to right and top to bottom, with a line of text below each.

    Args:
        images: [n, h, w, c], uint8 or in [0, 1].
        captions: one for each image, each of at most about 60 / columns letters, so that neighbours do not overlap.
        columns: images per row; fewer if there are fewer images.

    Returns:
        A figure at least 1000 pixels wide.

    Raises:
        ValueError: the numbers of captions and images differ, or `image_grid` refuses the images.
    """
    if len(images) != len(captions):
        raise ValueError(
            f"captioned needs a caption for each image, got {len(captions)} for {len(images)} images."
        )
    columns = min(columns, max(len(images), 1))
    h, w = images.shape[1:3]
    padding = max(1, round(_PADDING * w))
    starts = range(0, max(len(images), 1), columns)
    sheets = [image_grid(images[i : i + columns], columns=columns, padding=padding) for i in starts]
    scale = scale_to(WIDTH, sheets[0].shape[1])
    width = scale * sheets[0].shape[1]
    band = round(0.05 * width)
    height = len(sheets) * (scale * h + band)
    figure = canvas(width, height)
    for number, (start, sheet) in enumerate(zip(starts, sheets, strict=True)):
        top = number * (scale * h + band)
        place(figure, sheet, left=0, top=top, scale=scale).set_axis_off()
        for column, caption in enumerate(captions[start : start + columns]):
            middle = scale * (column * (w + padding) + w / 2) / width
            below = 1 - (top + scale * h + 0.55 * band) / height
            figure.text(
                middle, below, caption, fontsize=text_size(width), color=INK, ha="center", va="center"
            )
    return figure
