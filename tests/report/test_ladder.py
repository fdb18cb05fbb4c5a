import numpy as np
import pytest
from PIL import Image

from jaxvae.report import Heading, Levels, Picture, ladder_graph, level_blocks, level_columns, variant_blocks


def _levels(sizes, *, k=3, n=20):
    rng = np.random.default_rng(0)
    planes = [rng.random((k, k, 8, 8, 1)).astype(np.float32) for _ in sizes]
    return Levels(
        values=np.linspace(-2, 2, k, dtype=np.float32),
        fixed=planes,
        redrawn=planes,
        codes=[rng.normal(size=(n, d)).astype(np.float32) for d in sizes],
        labels=rng.integers(0, 2, n).astype(np.int32),
        class_names=("zero", "one"),
    )


def _pictures(blocks):
    assert isinstance(blocks[0], Heading)
    return {block.path.name: block for block in blocks[1:] if isinstance(block, Picture)}


def test_variants_are_shown_on_the_same_images(tmp_path):
    images = np.random.default_rng(0).random((10, 8, 8, 1)).astype(np.float32)
    variants = {"plain": images, "sharp": 1 - images}
    pictures = _pictures(
        variant_blocks(tmp_path, originals=images, reconstructions=variants, samples=variants)
    )
    assert set(pictures) == {"reconstructions.png", "samples.png"}
    for picture in pictures.values():
        assert "plain, sharp" in picture.caption
        with Image.open(picture.path) as file:
            assert min(file.size) > 100
    # Three rows of ten images: the originals and both variants.
    with Image.open(tmp_path / "reconstructions.png") as file:
        assert file.size[1] > 3 * file.size[0] / 10


@pytest.mark.parametrize(
    ("sizes", "files"),
    [
        ((2, 2, 2), {"traversal_fixed.png", "traversal_redrawn.png", "embeddings.png"}),
        ((1, 3), {"traversal_fixed.png", "traversal_redrawn.png", "embeddings.png"}),
        ((1,), {"traversal_fixed.png", "traversal_redrawn.png"}),
    ],
)
def test_every_level_is_shown_and_levels_of_one_dimension_have_no_embedding(tmp_path, sizes, files):
    pictures = _pictures(level_blocks(tmp_path, _levels(sizes), variant="sharp"))
    assert set(pictures) == files
    assert all(picture.path.stat().st_size > 1000 for picture in pictures.values())
    assert "[-2, 2]² " in pictures["traversal_fixed.png"].caption
    assert all("(sharp)" in picture.caption for picture in pictures.values())


def test_columns_name_what_the_latent_evaluator_measures():
    keys = [column.key for column in level_columns(2)]
    assert keys == [
        "mmd_z1",
        "mmd_z2",
        "mmd_floor_std",
        "mmd_floor_std_z1",
        "mmd_floor_std_z2",
        "kl_z1",
        "kl_z2",
        "class_z1",
        "class_z2",
        "active_units_z1",
        "active_units_z2",
    ]


def test_the_graph_has_every_node_and_an_arrow_for_each_that_follows_from_another():
    (axes,) = ladder_graph(3).axes
    texts = [text.get_text() for text in axes.texts]
    names = {"$x$", r"$\hat{x}$", *(f"${kind}_{n}$" for kind in ("h", "z", r"\tilde{z}") for n in (1, 2, 3))}
    assert {text for text in texts if text} == names
    assert len(axes.patches) == len(names)
    assert texts.count("") == 2 * 3 + 2 * 2 + 2
    with pytest.raises(ValueError, match="at least 1 level, got 0"):
        ladder_graph(0)
