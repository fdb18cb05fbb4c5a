import numpy as np

from jaxvae import cli, study


def test_few_images_to_measure_on_are_filled_up_with_training_images(tmp_path):
    config = cli.RunConfig(workdir=tmp_path / "run", data="drawn", image_size=8, limit=12, batch_size=4)
    experiment = study.Experiment.open("toy", config)
    test, training = experiment.test_set.images, experiment.train_set.images
    images, which = study.real_images(experiment, 20)
    assert which == "test and training images"
    np.testing.assert_array_equal(images, np.concatenate([test, training[:8]]))
    images, which = study.real_images(experiment, 10)
    assert which == "test images"
    np.testing.assert_array_equal(images, test[:10])
    assert len(study.real_images(experiment, 100)[0]) == 24
