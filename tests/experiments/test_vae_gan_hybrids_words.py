"""What the hybrids' scripts say of numbers and flags, without any training."""

from types import SimpleNamespace

import numpy as np
import pytest

from experiments.vae_gan_hybrids import aae_page, vaegan_page
from experiments.vae_gan_hybrids.vaegan_config import VAEGANConfig
from experiments.vae_gan_hybrids.vaegan_measures import LocalAndGlobal, error_by_region
from jaxvae import report


def test_forty_attributes_are_spread_over_tables_that_a_page_has_room_for():
    accuracy = {f"attribute_{place}": place / 40 for place in range(40)}
    row = report.Row(name="VAE-GAN", metrics=report.summarize([accuracy | {"attribute_accuracy": 0.5}]))
    names = tuple(f"name {place}" for place in range(40))
    measures = SimpleNamespace(names=names, words="", real=lambda: accuracy)
    experiment = SimpleNamespace(
        table=lambda trained, measures, columns, caption: report.Table(
            rows=[row], columns=columns, caption=caption
        )
    )
    singles = [
        table
        for table in vaegan_page.make_tables(experiment, {}, measures)
        if table.caption == "Accuracy of single attributes"
    ]
    assert max(len(table.columns) for table in singles) <= 6
    assert [column.title for table in singles for column in table.columns] == list(names)
    assert all(table.rows[0] is row for table in singles)


def test_parts_of_a_prior_are_called_by_their_classes():
    row = report.Row(name="AAE", metrics=report.summarize([{f"agreement_{part}": 0.5 for part in range(2)}]))
    experiment = SimpleNamespace(
        class_names=("bird", "horse"),
        table=lambda trained, measures, columns, caption: report.Table(
            rows=[row], columns=columns, caption=caption
        ),
    )
    *_, parts = aae_page.make_tables(experiment, {}, SimpleNamespace(words=""))
    assert [column.title for column in parts.columns] == ["bird", "horse"]


def test_an_autoencoder_that_failed_is_named():
    row = report.Row(name="AAE, ring", metrics={}, note="Diverged.")
    assert aae_page.verdict([row]) == "AAE, ring failed."


@pytest.mark.parametrize(
    ("labels", "classes", "expected"),
    [
        ([[1, 0, 1], [0, 1, 0]], False, [[1, 1, 1], [0, 0, 0]]),
        ([[1, 0, 0], [0, 1, 0]], True, [[0, 1, 0], [0, 1, 0]]),
    ],
)
def test_an_attribute_is_turned_around_and_a_class_takes_anothers_place(labels, classes, expected):
    changed = vaegan_page.changed_attributes(np.array(labels, bool), 1, classes=classes)
    np.testing.assert_array_equal(changed, np.array(expected, bool))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"penalty": 10.0, "normalisation": "batch"}, "a discriminator with BatchNorm looks at batches"),
        ({"equilibrium": True, "smoothing": 0.1}, "losses that --smoothing 0.1 keeps from falling"),
    ],
)
def test_flags_that_do_not_go_together_are_refused(flags, message):
    with pytest.raises(ValueError, match=message):
        VAEGANConfig(**flags)


def over_seeds(name, **values):
    return report.Row(
        name=name, metrics=report.summarize([{k: v + 0.001 * n for k, v in values.items()} for n in range(3)])
    )


def test_the_verdict_goes_through_the_lectures_sentence():
    rows = [
        over_seeds("VAE, attributes", local_distance=0.9, global_distance=0.2, attribute_accuracy=0.8),
        over_seeds("GAN, attributes", local_distance=0.1, global_distance=0.7, attribute_accuracy=0.7),
        over_seeds("VAE-GAN, attributes", local_distance=0.2, global_distance=0.3, attribute_accuracy=0.9),
    ]
    for row in rows:
        row.metrics["attribute_floor"] = row.metrics["attribute_accuracy"]
    words = vaegan_page.verdict(rows, ceiling=1.0)
    for sentence in (
        "Local distance, VAE, attributes → GAN, attributes: 0.901 ± 0.001 → 0.101 ± 0.001, better.",
        "Global distance, GAN, attributes → VAE, attributes: 0.701 ± 0.001 → 0.201 ± 0.001, better.",
        "Local distance, VAE, attributes → VAE-GAN, attributes: 0.901 ± 0.001 → 0.201 ± 0.001, better.",
        "Global distance, GAN, attributes → VAE-GAN, attributes: 0.701 ± 0.001 → 0.301 ± 0.001, better.",
        "Accuracy of attributes, VAE, attributes → VAE-GAN, attributes: 0.801 ± 0.001 → 0.901 ± 0.001, better.",
        "Accuracy of attributes, GAN, attributes → VAE-GAN, attributes: 0.701 ± 0.001 → 0.901 ± 0.001, better.",
    ):
        assert sentence in words


def test_a_vaes_centre_is_told_from_its_border():
    row = report.Row(
        name="VAE", metrics=report.summarize([{"sharpness_centre": 0.5, "sharpness_border": 0.25}])
    )
    assert vaegan_page.verdict([row], ceiling=1.0) == (
        "VAE: sharpness 0.500 of the data's in the centre, 0.250 at the border (one seed)."
    )


class Brightness:
    """Stands for a classifier: its early activations are pixels, its last one the mean of an image."""

    def local_features(self, images):
        return images.reshape(-1, images.shape[-1])

    def features(self, images):
        return images.mean(axis=(1, 2))

    def probabilities(self, images):
        return images.mean(axis=(1, 2))


def test_places_and_the_whole_are_told_apart():
    rng = np.random.default_rng(0)
    reals = np.clip(rng.random((300, 1, 1, 1)) + 0.1 * rng.normal(size=(300, 8, 8, 1)), 0, 1).astype(
        np.float32
    )
    views = LocalAndGlobal(Brightness(), reals)
    same = views(reals)
    assert same["local_distance"] == pytest.approx(0, abs=1e-6)
    assert same["global_distance"] == pytest.approx(0, abs=1e-6)
    assert same["certainty"] == same["sharpness_centre"] == same["sharpness_border"] == 1
    # All pixels of the set in another order: the same in places, and every image an average grey as a whole.
    mixed = views(rng.permutation(reals.reshape(-1)).reshape(reals.shape))
    assert mixed["local_distance"] == pytest.approx(0, abs=1e-6)
    assert mixed["global_distance"] > 0.5
    assert mixed["certainty"] == 0
    # Without any detail in the images: the same as a whole, and smoother in places.
    flat = views(np.broadcast_to(reals.mean(axis=(1, 2), keepdims=True), reals.shape))
    assert flat["global_distance"] == pytest.approx(0, abs=1e-6)
    assert flat["local_distance"] > 1e-4
    assert flat["sharpness_centre"] == pytest.approx(0, abs=1e-6)


def test_the_mean_image_has_the_error_of_one_that_knows_nothing():
    images = np.random.default_rng(0).random((50, 9, 9, 3), np.float32)
    mean = np.broadcast_to(images.mean(axis=0), images.shape)
    errors = error_by_region(images, mean)
    assert errors == {"error_centre": pytest.approx(1, rel=1e-5), "error_border": pytest.approx(1, rel=1e-5)}
    assert error_by_region(images, images) == {"error_centre": 0, "error_border": 0}
