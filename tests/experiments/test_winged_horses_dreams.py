"""Dreams of an untrained model, and of one whose codes are known."""

import dataclasses
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxvae
from experiments.winged_horses import dreams, ranking, wings
from experiments.winged_horses.candidates import STRENGTHS, make_candidates
from experiments.winged_horses.pictures import Pictures, classes_with_pictures, encode_labelled, find_pair
from jaxvae import data, models, report
from jaxvae.types import Posterior

NAMES = ("cat", "horse", "bird")
OPTIONS = {"classes": ("horse", "bird"), "pairs": 3, "steps": 5, "midpoints": 7, "seed": 0}
BETWEEN = 3 * 3
"""Candidates between the ends of three interpolations of five steps."""


def drawn(n, *, labels=None, names=NAMES):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (n, 32, 32, 3), np.uint8)
    return data.from_arrays(
        images, np.arange(n) % 3 if labels is None else labels, name="drawn", class_names=names
    )


@pytest.fixture(scope="module")
def run():
    model = models.DeepConvVAE((32, 32, 3), 6, (4, 4))
    return jaxvae.Run(model, models.init(jax.random.key(0), model), config={}, variant="a", seed=0)


@pytest.fixture(scope="module")
def pictures(run):
    return encode_labelled(run, drawn(24), NAMES)


@pytest.fixture(scope="module")
def candidates(run, pictures):
    return make_candidates(run, pictures, **OPTIONS)


def test_pictures_without_a_wanted_class_are_passed_over(run, pictures):
    labels = np.array([2, -1, 0, 1, 2, -1])
    dataset = drawn(6, labels=labels)
    some = encode_labelled(run, dataset, ("bird", "dog", "horse"))
    np.testing.assert_array_equal(some.labels, [0, 2, 0])
    np.testing.assert_array_equal(some.images, dataset.images[[0, 3, 4]])
    np.testing.assert_allclose(some.codes, pictures.codes[[0, 3, 4]], atol=1e-4)
    np.testing.assert_array_equal(some.rows("bird"), [0, 2])


def test_candidates_are_decoded_from_their_codes(run, candidates):
    assert [candidates.kinds.count(kind) for kind in ("linear", "spherical", "arithmetic", "midpoint")] == [
        BETWEEN,
        BETWEEN,
        3 * len(STRENGTHS),
        7,
    ]
    n = len(candidates.kinds)
    assert candidates.images.shape == (n, 32, 32, 3)
    assert len(candidates.words) == len(set(candidates.words)) == len(candidates.parents) == n
    np.testing.assert_allclose(candidates.images, run.decode((candidates.codes,)), atol=1e-4)


def test_strips_go_from_one_reconstruction_to_the_other(run, pictures, candidates):
    assert pictures.labels[candidates.pairs].tolist() == [[1, 2]] * 3
    ends = [run.reconstruct(pictures.images[of]) for of in candidates.pairs.T]
    for start, kind in ((0, "linear"), (BETWEEN, "spherical")):
        strips = candidates.strips[kind]
        assert strips.shape == (3, 5, 32, 32, 3)
        np.testing.assert_allclose(strips[:, 0], ends[0], atol=1e-4)
        np.testing.assert_allclose(strips[:, -1], ends[1], atol=1e-4)
        between = candidates.images[start : start + BETWEEN].reshape(3, 3, 32, 32, 3)
        np.testing.assert_array_equal(strips[:, 1:-1], between)
    assert candidates.words[4] == "linear interpolation of pair 2, step 3 of 5"
    first, last = pictures.codes[candidates.parents[4]]
    np.testing.assert_allclose(candidates.codes[4], (first + last) / 2, atol=1e-5)


def test_arithmetic_adds_what_sets_birds_apart(pictures, candidates):
    birds = pictures.labels == 2
    apart = pictures.codes[birds].mean(0) - pictures.codes[~birds].mean(0)
    actual = candidates.codes[2 * BETWEEN :][: 3 * len(STRENGTHS)].reshape(len(STRENGTHS), 3, -1)
    horses = pictures.codes[candidates.pairs[:, 0]]
    for strength, codes in zip(STRENGTHS, actual, strict=True):
        np.testing.assert_allclose(codes, horses + strength * apart, atol=1e-5)
    assert candidates.winged.shape == (len(STRENGTHS), 3, 32, 32, 3)


def test_midpoints_scatter_about_the_middle_of_their_pair_as_posteriors_do(run, pictures):
    many = make_candidates(run, pictures, **OPTIONS | {"midpoints": 600})
    parents = many.parents[-600:]
    assert set(map(tuple, pictures.labels[parents])) == {(1, 2)}
    noise = many.codes[-600:] - pictures.codes[parents].mean(axis=1)
    spread = pictures.stddev[pictures.labels > 0].mean(0)
    np.testing.assert_allclose(noise.std(0) / spread, 1, atol=0.15)
    np.testing.assert_allclose(noise.mean(0) / spread, 0, atol=0.2)


def test_pairs_are_of_different_pictures_and_at_most_as_many_as_there_are(run, pictures):
    made = make_candidates(run, pictures, **OPTIONS | {"pairs": 50})
    assert made.pairs.shape == (8, 2)
    assert len(np.unique(made.pairs)) == 16


class Seen(models.Autoencoder):
    """Codes are the first two pixels; what is decoded has them there, and stripes as strong as the third pixel."""

    image_shape: tuple[int, int, int] = (6, 6, 1)
    latent_sizes: tuple[int, ...] = (2,)

    def _encode(self, image, train):
        return (Posterior(4 * image[:, 0, :2, 0], jnp.ones((len(image), 2))),)

    def _decode(self, latents, train):
        code = jnp.clip(latents[0] / 4, 0.01, 0.99)
        image = jnp.full((len(code), 6, 6, 1), 0.5).at[:, 0, :2, 0].set(code)
        return jnp.log(image / (1 - image))


class Looks:
    """A judge that sees three classes at (0, 0), (4, 0) and (0, 4) of the first two pixels."""

    def probabilities(self, images):
        places = np.float64([[0, 0], [1, 0], [0, 1]])
        seen = data_floats(images)[:, None, 0, :2, 0]
        shares = np.exp(-8 * np.square(seen - places).sum(-1))
        return shares / shares.sum(1, keepdims=True)


def data_floats(images):
    return images / 255 if images.dtype == np.uint8 else images


def judged(images):
    """What the judge says of images, with the typical sharpness of known pictures' reconstructions."""
    run = jaxvae.Run(Seen(), {}, config={}, variant="a", seed=0)
    labels = np.repeat([0, 1, 2], 20)
    rng = np.random.default_rng(0)
    codes = np.float32([[0, 0], [4, 0], [0, 4]])[labels] + rng.normal(size=(60, 2)).astype(np.float32)
    known = Pictures(
        images=np.zeros((60, 6, 6, 1), np.uint8),
        labels=labels,
        class_names=NAMES,
        codes=codes,
        stddev=np.ones((60, 2), np.float32),
    )
    return run, known, ranking.rank(run, images, Looks(), known, classes=("horse", "bird"))


def marked(code, *, sharp):
    image = np.full((6, 6, 1), 0.5, np.float32)
    image[2:, ::2] += 0.4 * sharp
    image[0, :2, 0] = np.float32(code) / 4
    return image


def test_what_lies_between_both_classes_and_is_sharp_comes_first():
    places = [((4, 0), 1), ((3, 3), 1), ((0, 4), 1), ((3, 3), 0), ((0, 0), 1), ((3, 3), 1)]
    images = np.stack([marked(code, sharp=sharp) for code, sharp in places])
    run, known, found = judged(images)
    assert found.order.tolist()[:3] == [1, 5, 3]
    np.testing.assert_allclose(found.probabilities, Looks().probabilities(images)[:, 1:])
    typical = np.median(ranking._sharpness(run.decode((known.codes[20:],))))
    expected = found.probabilities.min(1) * np.minimum(1, ranking._sharpness(images) / typical)
    np.testing.assert_allclose(found.scores, expected, rtol=1e-5)
    assert found.sharpness[1] > 1 > found.sharpness[3]


def test_the_judge_is_measured_class_by_class():
    run, _, _ = judged(marked((0, 0), sharp=1)[None])
    codes = np.float32([[0, 0], [0, 0], [0, 0], [0, 4], [4, 0]])
    images = (255 * np.stack([marked(code, sharp=0) for code in codes])).astype(np.uint8)
    validation = Pictures(
        images=images,
        labels=np.array([0, 0, 0, 1, 1]),
        class_names=NAMES,
        codes=np.float32([[0, 0], [4, 0], [0, 4], [4, 0], [4, 0]]),
        stddev=np.ones((5, 2), np.float32),
    )
    found = ranking.trust(run, Looks(), validation, classes=("cat", "horse"))
    assert found == pytest.approx(
        {"accuracy": 0.75, "reconstructed_accuracy": 2 / 3, "chance": 1 / 3, "pair_accuracy": 0.75}
    )
    assert "pair_accuracy" not in ranking.trust(run, Looks(), validation, classes=("horse", "bird"))


def test_directions_lead_from_one_class_to_the_other():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 400)
    codes = np.float32([[0, 9], [0, 0], [3, 0]])[labels] + rng.normal(size=(1200, 2)) * [1, 1]
    codes[:, 1] += codes[:, 0]  # the plane between the classes is not across the line between their means
    _, known, _ = judged(marked((0, 0), sharp=1)[None])
    known = dataclasses.replace(known, codes=codes.astype(np.float32), labels=labels)
    found = wings.directions(known, ("horse", "bird"), seed=0)
    np.testing.assert_allclose(found["bird - horse"], [3, 3], atol=0.2)
    lengths = [np.linalg.norm(of) for of in found.values()]
    np.testing.assert_allclose(lengths, lengths[0])
    x, y = found["linear classifier"]
    assert abs(y / x) < 0.1
    assert found["bird - all others"][0] > 0


def test_adding_a_direction_is_measured_by_the_judge():
    run, known, _ = judged(marked((0, 0), sharp=1)[None])
    found = wings.measure(run, Looks(), known, known, ("horse", "bird"))
    assert len(found) == 1 + 4 * (len(wings.STRENGTHS) - 1)
    before, after = found["reconstructions"], found["1 x bird - horse"]
    assert before["p_horse"] > 0.9 > 0.1 > before["p_bird"]
    assert after["p_bird"] > 0.8
    table = wings.table([found, found], ("horse", "bird"))
    assert [row.name for row in table.rows] == list(found)
    assert table.rows[0].metrics["both"]["n"] == 2


def test_the_pair_is_horse_and_bird_or_the_first_two_with_pictures():
    assert find_pair(drawn(6), None) == ("horse", "bird")
    assert find_pair(drawn(6), ("bird", "cat")) == ("bird", "cat")
    others = drawn(6, labels=np.array([3, 1, -1, 2, 1, 3]), names=("a", "b", "horse", "d"))
    assert classes_with_pictures(others) == ("b", "horse", "d")
    assert find_pair(others, None) == ("b", "horse")
    assert find_pair(drawn(3, labels=np.full(3, -1)), None) is None
    assert find_pair(drawn(3, labels=np.array([1, 1, -1])), None) is None


@pytest.mark.parametrize(
    ("pair", "labels", "message"),
    [
        (("horse", "unicorn"), [0, 1, 2], "got 'unicorn'; known are cat, horse, bird."),
        (("horse", "bird"), [0, 1, 1], "got 'bird'; known are cat, horse."),
        (("horse", "bird"), [-1, -1, -1], "got 'horse'; known are none."),
        (("horse", "horse"), [0, 1, 2], "two different classes of cat, horse, bird, got horse horse."),
    ],
)
def test_a_pair_that_there_is_not_is_refused(pair, labels, message):
    with pytest.raises(ValueError, match="pair must name two") as error:
        find_pair(drawn(3, labels=np.array(labels)), pair)
    assert message in str(error.value)


def settings(tmp_path, dataset, validation):
    config = SimpleNamespace(pair=None, pairs=2, interpolation_steps=3, midpoints=3, seed=0)
    experiment = SimpleNamespace(
        train_set=dataset,
        test_set=validation,
        picture=lambda name, *shown: report.picture(tmp_path / "figures" / f"{name}.png", *shown),
    )
    return experiment, config


def test_the_section_shows_the_best_and_quotes_the_rule(tmp_path, run):
    unlabelled = drawn(9, labels=np.full(9, -1))
    judge = SimpleNamespace(probabilities=lambda images: np.full((len(images), 3), 1 / 3))
    section = dreams.run(*settings(tmp_path, drawn(9), unlabelled), [run], judge)
    page = "".join(block.html() for block in section.blocks)
    assert ranking.RULE.format(first="horse", second="bird", classes=3) in page
    assert "<h2>The most Pegasus-like</h2>" in page
    assert [row.name for row in section.tables[0].rows] == ["linear", "spherical", "arithmetic", "midpoint"]
    assert section.summary["dream"] in section.words
    assert "No held-out picture has a label" in section.words
    pictures = [block for block in section.blocks if isinstance(block, report.Picture)]
    assert {block.path.stem for block in pictures} == {
        *("most_alike", "most_alike_parents", "best", "strips", "arithmetic", "midpoints")
    }


def test_without_two_classes_a_sentence_is_all(tmp_path, run):
    unlabelled = drawn(9, labels=np.full(9, -1))
    section = dreams.run(*settings(tmp_path, unlabelled, unlabelled), [run], None)
    assert (section.tables, section.words) == ([], dreams.NONE)
    assert not (tmp_path / "figures").exists()


def test_the_best_is_enlarged_smoothly():
    image = np.random.default_rng(0).random((32, 16, 3), np.float32)
    large = dreams.enlarge(image)
    assert large.shape == (384, 192, 3)
    assert 0 <= large.min() < large.max() <= 1
    assert np.abs(np.diff(large, axis=0)).max() < np.abs(np.diff(image, axis=0)).max()
