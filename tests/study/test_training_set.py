"""The images that a run has seen, found again by its record."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

import jaxvae
from jaxvae import data, models, study


def made(spec, **config):
    record = {"config": config, "data": dataclasses.asdict(spec)}
    return jaxvae.Run(models.DropoutVAE((28, 28, 1)), {}, config=record, variant="plain", seed=0)


@pytest.mark.parametrize("source", [None, "bundled"])
def test_a_record_leads_to_its_images(source):
    seen = data.load("mnist", split="train", limit=30)
    flags = {"data": "mnist", "data_source": source, "data_dir": None, "limit": 30}
    found = study.training_set(made(seen.spec, **flags))
    np.testing.assert_array_equal(found.images, seen.images)
    np.testing.assert_array_equal(found.labels, seen.labels)


def test_what_was_held_out_is_not_found():
    seen, _ = data.load_splits("drawn", image_size=8, measure_on="validation")
    flags = {"data": "drawn", "image_size": 8, "measure_on": "validation"}
    assert study.training_set(made(seen.spec, **flags)).spec == seen.spec


def test_size_and_classes_are_those_of_the_run(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    pixels = np.random.default_rng(0).integers(0, 256, (2, 10, 12, 12, 3), dtype=np.uint8)
    for name, images in zip(("bird", "horse"), pixels, strict=True):
        (tmp_path / "set" / name).mkdir(parents=True)
        for number, image in enumerate(images):
            Image.fromarray(image).save(tmp_path / "set" / name / f"{number}.png")
    flags = {"data": f"folder:{tmp_path / 'set'}", "image_size": 8, "classes": ["horse"]}
    seen = data.load(flags["data"], split="train", image_size=8, classes=["horse"])
    found = study.training_set(made(seen.spec, **flags))
    assert found.spec == seen.spec
    assert found.spec.class_names == ("horse",)


@pytest.mark.parametrize(
    "other",
    [
        lambda seen: data.select(seen, slice(20)),
        lambda seen: data.from_arrays(seen.images, seen.labels % 2, name="mnist"),
        lambda seen: data.from_arrays(255 - seen.images, seen.labels, name="mnist"),
    ],
    ids=["a share", "other labels", "other images"],
)
def test_other_images_are_refused(other):
    seen = data.load("mnist", split="train", limit=30)
    spec = other(seen).spec
    with pytest.raises(ValueError, match="'plain' was not trained on mnist as it is found now") as refusal:
        study.training_set(made(spec, data="mnist", limit=30))
    assert f"fingerprint {seen.spec.fingerprint}, expected {spec.fingerprint}" in str(refusal.value)


def test_a_model_without_a_record_is_refused():
    run = jaxvae.Run(models.DropoutVAE((28, 28, 1)), {}, config={}, variant="plain", seed=0)
    with pytest.raises(ValueError, match="does not record what it was trained on"):
        study.training_set(run)
