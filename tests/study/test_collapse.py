import numpy as np
import pytest

from jaxvae import Run, models, study


def trained(*seeds, **fields):
    model = models.DropoutVAE((4, 4, 1))
    runs = [Run(model, {}, config={}, variant="GAN", seed=seed) for seed in seeds]
    return {"GAN": study.Trained(runs=runs, **fields)}


@pytest.mark.parametrize(
    ("low", "values"),
    [
        ({"diversity": 0.1}, "diversity 0.10"),
        ({"diversity": float("nan")}, "diversity nan"),
        ({"distinctness": 0.04}, "distinctness 0.04"),
        ({"diversity": 0.4, "distinctness": 0.0}, "diversity 0.40, distinctness 0.00"),
    ],
)
def test_a_seed_that_collapses_is_named_and_not_counted(low, values):
    healthy = {"diversity": 0.9, "distinctness": 0.6}
    measured = {0: healthy, 1: healthy | low, 2: healthy}
    whole = trained(*measured, failure="Diverged, and not counted: a loss.", note="A note.")
    standing = study.without_collapsed(whole, lambda run: measured[run.seed], least=0.5)
    assert [run.seed for run in standing["GAN"].runs] == [0, 2]
    assert standing["GAN"].note == "A note."
    assert standing["GAN"].failure == (
        f"Diverged, and not counted: a loss. Collapsed, and not counted: seed 1 ({values}); needed are diversity 0.5 "
        "and distinctness 0.1 of the data's."
    )
    assert study.without_collapsed(standing, lambda run: measured[run.seed], least=0.5) == standing


def test_copies_are_only_looked_for_where_distinctness_is_measured():
    standing = study.without_collapsed(trained(0, 1), lambda run: {"diversity": 0.9 - run.seed}, least=0.5)
    assert [run.seed for run in standing["GAN"].runs] == [0]
    assert standing["GAN"].failure.endswith(
        "seed 1 (diversity -0.10); needed are diversity 0.5 of the data's."
    )


def test_nothing_has_collapsed_that_need_not_be_diverse():
    none = {"diversity": 0.0, "distinctness": 0.0}
    whole = trained(0)
    assert study.without_collapsed(whole, lambda run: none, least=0.0) == whole


def flattened(images):
    return images.reshape(len(images), -1)


def test_diversity_is_a_share_of_that_of_as_many_real_images():
    images = np.random.default_rng(0).uniform(size=(6, 8, 8, 1)).astype(np.float32)
    compare = study.Diversity(images, flattened)
    assert compare(images) == {"diversity": 1.0, "distinctness": 1.0}
    more = np.concatenate([images / 2, np.zeros_like(images)])
    assert compare(more) == pytest.approx({"diversity": 0.5, "distinctness": 0.5}, rel=1e-4)
    repeated = compare(np.repeat(images[:2], 3, axis=0))
    assert repeated["distinctness"] == pytest.approx(0, abs=1e-3)
    assert repeated["diversity"] > 0.5
    assert study.Diversity(np.zeros((3, 8, 8, 1), np.uint8), flattened)(images) == {
        "diversity": 1.0,
        "distinctness": 1.0,
    }
