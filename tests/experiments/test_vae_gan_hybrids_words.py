"""What the hybrids' scripts say of numbers and flags, without any training."""

from types import SimpleNamespace

import numpy as np
import pytest

from experiments.vae_gan_hybrids import aae_page, vaegan_page
from experiments.vae_gan_hybrids.vaegan_config import VAEGANConfig
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
