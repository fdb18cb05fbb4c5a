import jax.numpy as jnp
import pytest

from jaxvae import cli, data, losses, models, report, study, train


def prepared(workdir, **flags):
    flags = {"data": "drawn", "image_size": 8, "limit": 20, "batch_size": 10} | flags
    return study.Experiment.prepare("toy", cli.RunConfig(workdir=workdir, **flags))


def test_flags_choose_the_data(tmp_path):
    experiment = prepared(tmp_path / "run", classes=("horse", "bird"))
    for dataset in (experiment.source.dataset, experiment.test_set):
        assert dataset.spec.image_shape == (8, 8, 3)
        assert dataset.spec.class_names == ("horse", "bird")
        assert set(dataset.labels) == {0, 1}
    with pytest.raises(ValueError, match=r"Unknown class 'hors' of 'drawn'; known are bird, horse, house\."):
        prepared(tmp_path / "run", classes=("hors",))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("memory", "kind"), [(0, data.Streamed), (2**30, data.Resident)])
def test_what_does_not_fit_the_device_is_streamed(tmp_path, monkeypatch, memory, kind):
    monkeypatch.setattr("jaxvae.data.stream._device_memory", lambda: memory)
    assert type(prepared(tmp_path).source) is kind


def blank(key, image, index):
    return jnp.zeros_like(image)


def test_network_and_objective_see_augmented_images_only_in_training(tmp_path):
    experiment = prepared(tmp_path)
    brightness = {"brightness": lambda key, output, batch: batch.image.mean((1, 2, 3))}
    experiment.fit(
        [train.Replica("toy", 0, {})],
        model=models.DropoutVAE((8, 8, 3), (2,), (4,), layout=experiment.layout),
        objective=lambda axis: losses.compose(brightness, {"brightness": 1.0}, axis_name=axis),
        optimizer=train.adam(1e-3),
        epochs=1,
        augment=blank,
    )
    seen = {each["split"]: each["brightness"] for each in report.read_records(experiment.workdir.metrics)}
    assert seen["train"] == 0
    assert seen["validation"] > 0.1
