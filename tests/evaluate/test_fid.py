"""FID of images in a stand-in for the Inception network: a few random projections."""

import dataclasses
import importlib
import os

import numpy as np
import pytest

from jaxvae import evaluate
from jaxvae.evaluate.inception_features import check_images

statistics = importlib.import_module("jaxvae.evaluate.image_statistics")
WEIGHTS = evaluate.Inception({}, "stand-in")


@pytest.fixture(autouse=True)
def computed(monkeypatch, tmp_path):
    """Counts how many images' features were computed."""
    counts = []

    def features(inception, images, *, resize, precision, batch_size, progress):
        check_images(images)
        counts.append(len(images))
        values = np.asarray(images, np.float32).reshape(len(images), -1)
        values = values / 255 if images.dtype == np.uint8 else values
        return values @ np.random.default_rng(1).normal(size=(values.shape[1], 6)).astype(np.float32)

    monkeypatch.setattr(statistics, "inception_features", features)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return counts


def noise(seed, n=40, size=(5, 4), channels=1):
    return np.random.default_rng(seed).integers(0, 256, (n, *size, channels), dtype=np.uint8)


def test_the_result_is_of_the_features_and_says_how_it_came_about():
    a, b = noise(0), noise(1, n=50)
    actual = evaluate.fid(a, b, inception=WEIGHTS, resize="clean")
    left, right = (evaluate.image_statistics(x, inception=WEIGHTS, resize="clean") for x in (a, b))
    assert actual.fid == evaluate.frechet_distance(left.moments, right.moments)
    assert (actual.kid, actual.kid_error) == evaluate.kid(left.features, right.features)
    assert (actual.density, actual.coverage) == evaluate.density_coverage(right.features, left.features)
    assert (actual.n, actual.weights, actual.resize, actual.precision) == (
        (40, 50),
        "stand-in",
        "clean",
        "float32",
    )


def test_statistics_stand_for_images():
    a, b = noise(0), noise(1)
    summary = evaluate.image_statistics(b, inception=WEIGHTS)
    assert evaluate.fid(a, summary, inception=WEIGHTS) == evaluate.fid(a, b, inception=WEIGHTS)
    assert evaluate.fid(summary, summary).fid == pytest.approx(0, abs=1e-9)


def test_floats_are_bytes_over_255():
    a, b = noise(0), noise(1)
    actual = evaluate.fid(np.float32(a) / 255, b, inception=WEIGHTS)
    assert actual.fid == pytest.approx(evaluate.fid(a, b, inception=WEIGHTS).fid, rel=1e-5)


def test_statistics_of_a_data_set_are_computed_once(computed, tmp_path):
    images = noise(0)
    first = evaluate.image_statistics(images, inception=WEIGHTS, cache=True)
    again = evaluate.image_statistics(images, inception=WEIGHTS, cache=True)
    assert computed == [40]
    np.testing.assert_array_equal(first.features, again.features)
    np.testing.assert_array_equal(first.moments.covariance, again.moments.covariance)
    assert (again.weights, again.resize, again.image_size, again.moments.n) == (
        "stand-in",
        "bilinear",
        (5, 4),
        40,
    )
    evaluate.image_statistics(images[::-1], inception=WEIGHTS, cache=True)
    evaluate.image_statistics(images, inception=WEIGHTS, cache=True, resize="clean")
    evaluate.image_statistics(images, inception=evaluate.Inception({}, "other"), cache=True)
    evaluate.image_statistics(images, inception=WEIGHTS)
    assert len(computed) == 5
    for file in (tmp_path / "cache").rglob("*.npz"):
        file.write_bytes(file.read_bytes()[:100])
    evaluate.image_statistics(images, inception=WEIGHTS, cache=True)
    assert len(computed) == 6, "a damaged file is made again"
    assert evaluate.image_statistics(images, inception=WEIGHTS, cache=True).moments.n == 40
    assert len(computed) == 6


def test_files_of_pytorch_fid_have_a_fid_and_no_kid(tmp_path):
    b = evaluate.image_statistics(noise(1), inception=WEIGHTS)
    np.savez(tmp_path / "theirs.npz", mu=b.moments.mean, sigma=b.moments.covariance)
    with pytest.warns(UserWarning, match="not known with which weights, resize, precision"):
        actual = evaluate.fid(noise(0), evaluate.load_statistics(tmp_path / "theirs.npz"), inception=WEIGHTS)
    assert actual.fid == evaluate.fid(noise(0), b, inception=WEIGHTS).fid
    assert (actual.kid, actual.density, actual.n, actual.weights) == (None, None, (40, None), "unknown")


def test_the_file_has_the_names_of_pytorch_fid(tmp_path):
    b = evaluate.image_statistics(noise(1), inception=WEIGHTS)
    evaluate.save_statistics(tmp_path / "b.npz", b)
    with np.load(tmp_path / "b.npz") as file:
        np.testing.assert_array_equal(file["mu"], b.moments.mean)
        np.testing.assert_array_equal(file["sigma"], b.moments.covariance)
    assert [path.name for path in tmp_path.glob("*.npz")] == ["b.npz"]
    with pytest.raises(ValueError, match=r"ending in \.npz, got .*stats\.txt"):
        evaluate.save_statistics(tmp_path / "stats.txt", b)


def said(a, b, **options):
    with pytest.raises(ValueError, match=r"\w") as error:
        evaluate.fid(a, b, inception=WEIGHTS, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_statistics_that_do_not_fit_are_refused_before_anything_is_computed(computed):
    clean = evaluate.image_statistics(noise(0), inception=WEIGHTS, resize="clean")
    assert "the same resize, got bilinear and clean" in said(noise(1), clean)
    assert "the same precision, got bfloat16 and float32" in said(
        clean, noise(1), resize="clean", precision="bfloat16"
    )
    assert len(computed) == 1
    other = evaluate.image_statistics(noise(1), inception=evaluate.Inception({}, "other"), resize="clean")
    with pytest.raises(ValueError, match="the same weights, got other and stand-in"):
        evaluate.compare(clean, other)


def test_bad_sets_are_one_line():
    good = noise(0)
    assert said(good[:1], good) == "FID needs at least 2 images in a set, got 1."
    assert said(good, good[:0]) == "there must be at least 1 image, got none."
    assert "got float32 from 0 to 255" in said(np.float32(good), good)
    assert "one height and width, got 5 x 4 and 4 x 5" in said(good, noise(0, size=(4, 5)))
    summary = evaluate.image_statistics(noise(0, size=(4, 5)), inception=WEIGHTS)
    assert "one height and width" in said(good, summary)
    clean = evaluate.image_statistics(good, inception=WEIGHTS, resize="clean")
    assert said(good, clean) == "both sets must be computed with the same resize, got bilinear and clean."


def test_few_images_have_no_kid():
    with pytest.warns(UserWarning, match="2 images are fewer than the 6 features"):
        actual = evaluate.fid(noise(0, n=2), noise(1), inception=WEIGHTS)
    assert actual.kid is None
    with pytest.warns(UserWarning, match="3 images"):
        actual = evaluate.fid(noise(0), noise(1, n=3), inception=WEIGHTS)
    assert actual.kid is not None
    assert actual.density is None


def test_damaged_statistics_are_one_line(tmp_path):
    path = tmp_path / "s.npz"
    for content in (b"", b"hello", b"PK\x03\x04broken"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"s.npz (holds no statistics|cannot be read)"):
            evaluate.load_statistics(path)
    np.savez(path, mu=np.zeros(3), sigma=np.eye(3), features=np.zeros(3))
    with pytest.raises(
        ValueError, match=r"holds no statistics of images \(features are \[3\], mu is \[3\]\)"
    ):
        evaluate.load_statistics(path)
    np.savez(path, mu=np.zeros(3))
    with pytest.raises(ValueError, match="holds no statistics of images"):
        evaluate.load_statistics(path)
    np.savez(path, mu=np.zeros(3), sigma=np.zeros((2, 2)))
    with pytest.raises(ValueError, match=r"mu is \[3\], sigma \[2, 2\]"):
        evaluate.load_statistics(path)
    np.savez(path, mu=np.array([{}]), sigma=np.zeros((1, 1)))
    with pytest.raises(ValueError, match="holds no statistics"):
        evaluate.load_statistics(path)
    np.save(path.with_suffix(".npy"), np.zeros(3))
    os.mkfifo(tmp_path / "pipe.npz")
    for name, message in {
        "s.npy": "no .npz archive",
        "missing.npz": "cannot be",
        "pipe.npz": "no regular",
    }.items():
        with pytest.raises(ValueError, match=message):
            evaluate.load_statistics(tmp_path / name)


WRONG = {
    "mu has NaN": {"mu": np.array([0, np.nan, 0])},
    "mu is complex128": {"mu": np.zeros(3, complex)},
    r"mu is \[0\]": {"mu": np.zeros(0), "sigma": np.zeros((0, 0))},
    "sigma is complex128": {"sigma": np.eye(3) * 1j},
    "a variance is negative": {"sigma": np.diag([1.0, -1e-3, 1.0])},
    "variance is negative": {"sigma": np.array([[1.0, 2, 0], [2, 1, 0], [0, 0, 1]])},
    "not symmetric": {"sigma": np.eye(3) + np.eye(3, k=1)},
    "features has NaN": {"features": np.full((4, 3), np.nan)},
    "features is <U1": {"features": np.full((4, 3), "x")},
    "n is -5": {"n": -5},
    "n is 1": {"n": 1},
    "n is 4.5": {"n": 4.5},
    r"n is 5, features are \[4, 3\]": {"n": 5, "features": np.zeros((4, 3))},
    r"image_size is \[0, 4\]": {"image_size": (0, 4)},
    "weights is no text": {"weights": 3},
}


@pytest.mark.parametrize(("message", "changes"), WRONG.items(), ids=WRONG)
def test_what_are_no_statistics_is_refused(tmp_path, message, changes):
    path = tmp_path / "s.npz"
    np.savez(path, **({"mu": np.zeros(3), "sigma": np.eye(3)} | changes))
    with pytest.raises(ValueError, match=rf"s.npz holds no statistics of images \(.*{message}.*\)") as error:
        evaluate.load_statistics(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_covariances_of_few_or_equal_images_are_read(tmp_path, dtype):
    few = evaluate.moments(np.random.default_rng(0).normal(size=(5, 30)))
    for mean, covariance in ((few.mean, few.covariance), (few.mean, np.zeros((30, 30)))):
        np.savez(tmp_path / "s.npz", mu=mean.astype(dtype), sigma=covariance.astype(dtype))
        np.testing.assert_array_equal(
            evaluate.load_statistics(tmp_path / "s.npz").moments.covariance, covariance.astype(dtype)
        )


def test_a_cache_of_other_statistics_is_made_again(computed, tmp_path):
    images = noise(0)
    right = evaluate.image_statistics(images, inception=WEIGHTS, cache=True)
    (cached,) = (tmp_path / "cache").rglob("*.npz")
    others = dataclasses.replace(right, features=None), dataclasses.replace(right, weights="other")
    for statistics in (*others, evaluate.image_statistics(images[:9], inception=WEIGHTS)):
        evaluate.save_statistics(cached, statistics)
        before = len(computed)
        again = evaluate.image_statistics(images, inception=WEIGHTS, cache=True)
        np.testing.assert_array_equal(again.features, right.features)
        assert len(computed) == before + 1


def test_a_value_just_out_of_range_is_named_with_all_its_digits():
    images = np.ones((2, 5, 4, 1), np.float32)
    images[0] = np.nextafter(np.float32(1), np.float32(2))
    with pytest.raises(ValueError, match=r"got float32 from 1 to 1\.0000001\."):
        check_images(images)
