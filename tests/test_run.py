import copy
import json
import os
import pickle
import re
import shutil
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxvae
from jaxvae import models, train

MODEL = models.VLAE((8, 8, 3), latent_sizes=(2, 3), widths=(4, 4), hidden=8)
REPLICAS = [train.Replica(variant, seed, {}) for variant in ("plain", "sharp") for seed in (4, 7)]


@cache
def _initial():
    def one(key):
        variables = models.init(key, MODEL)
        players = {"ladder": train.Player(tuple(variables["params"]), optax.sgd(0.1))}
        return train.init_state(key, variables, players)

    return jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(0), len(REPLICAS)))


def _state(step=1, *, scale=1.0):
    """Replicas that differ in their parameters."""
    params = jax.tree.map(lambda leaf: scale * leaf, _initial().params)
    return _initial().replace(step=jnp.full(len(REPLICAS), step), params=params)


def _save(path, *states, **flags):
    """A run's directory, as an experiment leaves it."""
    directory = train.Workdir(path)
    record = {
        "experiment": "toy",
        "config": {"epochs": 1, "precision": "float32"} | flags,
        "data": {},
        "model": models.describe(MODEL),
        "replicas": [{"variant": r.variant, "seed": r.seed, "hyper": {}} for r in REPLICAS],
    }
    directory.open(record, resume=False, overwrite=False)
    for state in states:
        train.Checkpoints(directory.checkpoints, {"config": record}).save(state)
    return path


@pytest.fixture(scope="module")
def state():
    return _state()


@pytest.fixture(scope="module")
def workdir(tmp_path_factory, state):
    return _save(tmp_path_factory.mktemp("runs") / "toy", state)


@pytest.fixture(scope="module")
def run(workdir):
    return jaxvae.load(workdir)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), dtype=np.uint8)


def _assert_close(actual, expected, *, atol=1e-5):
    assert jax.tree.structure(actual) == jax.tree.structure(expected)
    for a, b in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=atol)


_assert_equal = partial(_assert_close, atol=0)


@pytest.mark.parametrize(
    "convert",
    [
        lambda x: x,
        jnp.asarray,
        lambda x: np.float32(x) / 255,
        lambda x: x / 255,
        lambda x: jnp.float32(x) / 255,
    ],
    ids=["NumPy uint8", "JAX uint8", "NumPy float32", "NumPy float64", "JAX float32"],
)
def test_any_images_are_encoded_and_reconstructed(run, images, convert):
    posteriors = run.encode(convert(images))
    _assert_close(posteriors, models.encode(MODEL, run.variables, jnp.float32(images) / 255))
    assert [q.mean.shape for q in posteriors] == [(5, 2), (5, 3)]
    reconstructions = run.reconstruct(convert(images))
    assert isinstance(reconstructions, jax.Array)
    assert reconstructions.shape == images.shape
    _assert_close(reconstructions, run.decode(tuple(q.mean for q in posteriors)))


@pytest.mark.parametrize("kind", [np.asarray, jnp.asarray, np.float64], ids=["NumPy", "JAX", "float64"])
def test_codes_are_decoded_to_mean_images(run, kind):
    rng = np.random.default_rng(1)
    codes = tuple(rng.normal(size=(4, d)).astype(np.float32) for d in (2, 3))
    decoded = run.decode(tuple(map(kind, codes)))
    _assert_close(decoded, models.decode(MODEL, run.variables, tuple(map(jnp.asarray, codes))))
    assert decoded.shape == (4, 8, 8, 3)
    assert 0 <= decoded.min() < decoded.max() <= 1


@pytest.mark.parametrize("piece", [2, 5])
def test_many_images_are_taken_in_pieces(run, images, monkeypatch, piece):
    whole = run.encode(images), run.reconstruct(images), run.sample(7)
    monkeypatch.setattr("jaxvae.pieces.PIECE", piece)
    _assert_close((run.encode(images), run.reconstruct(images), run.sample(7)), whole)


@pytest.mark.parametrize("layout", ["native", "chwn"])
def test_no_images_have_no_codes_and_no_reconstructions(run, layout):
    model = MODEL.clone(layout=models.layout(layout))
    other = jaxvae.Run(model, run.variables, config=run.config, variant="plain", seed=4)
    none = np.zeros((0, 8, 8, 3), np.uint8)
    assert [(q.mean.shape, q.stddev.shape) for q in other.encode(none)] == [((0, d), (0, d)) for d in (2, 3)]
    assert other.reconstruct(none).shape == other.sample(0).shape == (0, 8, 8, 3)
    with pytest.raises(ValueError, match="8"):
        other.encode(none[:, :7])


def test_samples_follow_from_their_seed(run):
    samples = run.sample(6, seed=3)
    assert samples.shape == (6, 8, 8, 3)
    _assert_close(samples, models.sample(jax.random.key(3), MODEL, run.variables, 6))
    _assert_equal(samples, run.sample(6, seed=3))
    assert not np.array_equal(samples, run.sample(6, seed=4))
    _assert_equal(run.sample(6), run.sample(6, seed=0))


def test_an_interpolation_leads_from_one_reconstruction_to_the_other(run, images):
    path = run.interpolate(images[:1], images[1:2], steps=5)
    assert path.shape == (5, 8, 8, 3)
    _assert_close(path[jnp.array([0, -1])], run.reconstruct(images[:2]))
    middle = tuple((q.mean[:1] + q.mean[1:2]) / 2 for q in run.encode(images[:2]))
    _assert_close(path[2:3], run.decode(middle))
    assert run.interpolate(images[:1], images[1:2]).shape[0] == 10


def test_a_spherical_interpolation_has_the_same_ends_and_goes_round(run, images):
    path = run.interpolate(images[:1], images[1:2], steps=5, path="spherical")
    _assert_close(path[jnp.array([0, -1])], run.reconstruct(images[:2]))
    first, last = (tuple(q.mean for q in run.encode(x)) for x in (images[:1], images[1:2]))
    _assert_close(path, run.decode(models.interpolate_spherically(first, last, 5)))
    assert np.abs(path[2] - run.interpolate(images[:1], images[1:2], steps=5)[2]).max() > 1e-5


def test_samples_are_decoded_from_the_codes_of_a_sampler(run):
    def sampler(key, n):
        return tuple(5 + jax.random.normal(key, (n, d)) for d in (2, 3))

    samples = run.sample(4, seed=3, sampler=sampler)
    _assert_close(samples, run.decode(sampler(jax.random.key(3), 4)))


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda run, x: run.encode(x[:, :4]), "takes images of shape (8, 8, 3), got (4, 8, 3)"),
        (
            lambda run, x: run.encode(np.float32(x)),
            "must be uint8 or float in [0, 1], got float32 from 0 to 255",
        ),
        (
            lambda run, x: run.encode(x / 255 - 0.5),
            "must be uint8 or float in [0, 1], got float64 from -0.5 to 0.5",
        ),
        (
            lambda run, x: run.reconstruct(np.where(x < 9, np.nan, x / 255)),
            "must be uint8 or float in [0, 1], got float64 from nan to nan",
        ),
        (
            lambda run, x: run.decode((jnp.zeros((1, 2)),)),
            "one latent for each level, of sizes (2, 3), got (2,).",
        ),
        (
            lambda run, x: run.encode(np.where(x < 9, np.nan, np.float32(x) / 255)),
            "must be uint8 or float in [0, 1], got float32 from nan to nan",
        ),
        (
            lambda run, x: run.decode((jnp.zeros((2, 2)), jnp.zeros((3, 3)))),
            "latents must be as many on each level, got 2, 3.",
        ),
        (lambda run, x: run.sample(-1), "n must be at least 0, got -1."),
        (lambda run, x: run.sample(1, seed=-1), "seed must be a whole number from 0 to 4294967295, got -1."),
        (lambda run, x: run.sample(1, seed=2**32), "from 0 to 4294967295, got 4294967296."),
        (lambda run, x: run.interpolate(x[:2], x[2:4]), "must be one image each, got 2 and 2"),
        (lambda run, x: run.interpolate(x[:1], x[1:2], steps=1), "at least 2 steps, its ends, got 1"),
        (lambda run, x: run.interpolate(x[:1], x[1:2], path="curved"), "linear, spherical, got 'curved'"),
    ],
    ids=[
        "image size",
        "not scaled",
        "centred",
        "NaN",
        "levels",
        "NaN encoded",
        "lengths",
        "no samples",
        "negative seed",
        "large seed",
        "two images",
        "one step",
        "path",
    ],
)
def test_what_does_not_fit_is_refused(run, images, use, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        use(run, images)


@pytest.mark.parametrize(
    ("choice", "number"),
    [
        ({}, 2),
        ({"variant": "plain"}, 0),
        ({"seed": 7}, 3),
        ({"variant": "plain", "seed": 7}, 1),
        ({"variant": "sharp", "seed": 4}, 2),
    ],
    ids=str,
)
def test_variant_and_seed_choose_the_replica(workdir, state, choice, number):
    run = jaxvae.load(workdir, **choice)
    _assert_equal(run.variables, state.replica(number).variables)
    assert (run.variant, run.seed) == (REPLICAS[number].variant, REPLICAS[number].seed)
    assert repr(run) == f"Run(toy: {run.variant}, seed {run.seed})"
    assert run.config["config"] == {"epochs": 1, "precision": "float32"}


def test_averaged_parameters_are_preferred(tmp_path):
    state = _state().replace(ema=_state(scale=2.0).params)
    run = jaxvae.load(_save(tmp_path / "toy", state), seed=4)
    _assert_equal(run.variables["params"], state.replica(2).ema)


def test_products_are_those_of_the_runs_precision(tmp_path, images):
    def reconstruct(precision):
        model = MODEL.clone(layout=models.layout(precision=precision))
        return models.reconstruct(model, narrow.variables, jnp.float32(images) / 255)

    narrow = jaxvae.load(_save(tmp_path / "toy", _state(scale=3.0), precision="bfloat16"))
    assert narrow.model.layout == models.layout(precision="bfloat16")
    _assert_close(narrow.reconstruct(images), reconstruct("bfloat16"))
    assert np.abs(narrow.reconstruct(images) - reconstruct("float32")).max() > 1e-3


@pytest.mark.parametrize("flags", [{"matmul_precision": "highest"}, {"matmul_precision": "default"}, {}])
def test_products_are_as_exact_as_the_runs(run, images, flags):
    stated = flags.get("matmul_precision", "default")
    other = jaxvae.Run(MODEL, run.variables, config={"config": flags}, variant="plain", seed=4)

    def sampler(key, n):
        return tuple(jax.random.normal(key, (n, d)) @ jnp.eye(d) for d in (2, 3))

    uses = {
        "reconstruct": other.reconstruct,
        "sample": lambda x: other.sample(2, sampler=sampler),
        "interpolate": lambda x: other.interpolate(x[:1], x[1:2], steps=3, path="spherical"),
    }
    with jax.default_matmul_precision("high"):
        traces = {name: str(jax.make_jaxpr(use)(np.float32(images) / 255)) for name, use in uses.items()}
    named = {name: set(re.findall(r"Precision\.(\w+)", trace)) for name, trace in traces.items()}
    angle = {"HIGHEST"}  # between the codes of an interpolation, whatever the network's products are
    assert named == {name: {stated.upper()} | (angle if name == "interpolate" else set()) for name in uses}
    assert other.matmul_precision == stated


def test_the_newest_undamaged_checkpoint_is_read_and_nothing_written(tmp_path):
    workdir = _save(tmp_path / "toy", *(_state(step, scale=float(step)) for step in (1, 2, 3)))
    newest = max((workdir / "checkpoints" / "3").rglob("*"), key=lambda file: file.stat().st_size)
    os.truncate(newest, newest.stat().st_size // 2)
    before = sorted(workdir.rglob("*"))
    with pytest.warns(UserWarning, match="checkpoint 3 is damaged .* reading that of step 2"):
        run = jaxvae.load(workdir)
    _assert_equal(run.variables["params"], _state(scale=2.0).replica(2).params)
    assert sorted(workdir.rglob("*")) == before


def test_a_run_can_be_moved(workdir, run, tmp_path, images, monkeypatch):
    expected = run.reconstruct(images)
    shutil.copytree(workdir, tmp_path / "elsewhere")
    monkeypatch.chdir(tmp_path)
    _assert_equal(jaxvae.load("elsewhere").reconstruct(images), expected)
    (tmp_path / "elsewhere").rename(tmp_path / "[thesis] runs?")
    _assert_equal(jaxvae.load(tmp_path / "[thesis] runs?").reconstruct(images), expected)
    monkeypatch.setenv("HOME", str(tmp_path))
    _assert_equal(jaxvae.load("~/[thesis] runs?").reconstruct(images), expected)


def test_a_run_is_pickled_and_copied(run, images):
    expected = run.reconstruct(images)
    for copied in (pickle.loads(pickle.dumps(run)), copy.deepcopy(run)):
        _assert_equal(copied.reconstruct(images), expected)
        assert (repr(copied), copied.config) == (repr(run), run.config)
        assert copied.model == run.model


def test_a_damaged_configuration_is_taken_from_the_checkpoint(workdir, run, tmp_path):
    shutil.copytree(workdir, tmp_path / "toy")
    (tmp_path / "toy" / "config.json").write_text("")
    with pytest.warns(UserWarning, match="what the newest checkpoint says is taken for it"):
        loaded = jaxvae.load(tmp_path / "toy")
    assert loaded.config == run.config


_ALTERED = {
    "no precision": (lambda c: c["config"].pop("precision"), "was not written by an experiment"),
    "another precision": (
        lambda c: c["config"].update(precision="float8"),
        "was not written by an experiment",
    ),
    "precision of products": (
        lambda c: c["config"].update(matmul_precision=3),
        "was not written by an experiment",
    ),
    "no experiment": (lambda c: c.pop("experiment"), "was not written by an experiment"),
    "no replicas": (lambda c: c.update(replicas=[]), "was not written by an experiment"),
    "replicas that are none": (lambda c: c.update(replicas=[3]), "was not written by an experiment"),
    "a seed that is none": (lambda c: c["replicas"][0].update(seed="0"), "was not written by an experiment"),
    "more replicas": (lambda c: c["replicas"].append(c["replicas"][0]), "lists 5 replicas, they hold 4"),
    "no model": (lambda c: c.pop("model"), "describes no model"),
    "models that are none": (lambda c: c.update(models=[]), "was not written by an experiment"),
    "another family": (lambda c: c["model"].update(family="gpt"), "describes no model: model family must be"),
    "a size that is no number": (lambda c: c["model"].update(hidden="8"), "describes no model"),
    "another size": (
        lambda c: c["model"].update(hidden=9),
        "does not describe the model in its checkpoints: batch_stats/top_norms_0/mean has shape (9,) there, (8,)",
    ),
    "other images": (
        lambda c: c["model"].update(image_shape=[16, 16, 3]),
        "does not describe the model in its",
    ),
    "parts that are none": (lambda c: c.update(parts=[3]), "was not written by an experiment"),
    "parts that are nowhere": (lambda c: c.update(parts={"plain": "x" * 999}), "it was not trained yet"),
}


@pytest.mark.parametrize(("alter", "message"), _ALTERED.values(), ids=_ALTERED)
def test_an_altered_configuration_is_one_sentence(workdir, tmp_path, alter, message):
    shutil.copytree(workdir, tmp_path / "toy")
    config = json.loads((tmp_path / "toy" / "config.json").read_text())
    alter(config)
    (tmp_path / "toy" / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=re.escape(message)) as refusal:
        jaxvae.load(tmp_path / "toy")
    assert "\n" not in str(refusal.value)


def _no_checkpoint(path):
    shutil.rmtree(path / "checkpoints")


def _no_configuration(path):
    _no_checkpoint(path)
    (path / "config.json").unlink()


def _half_a_config(path):
    _no_checkpoint(path)
    config = (path / "config.json").read_text()
    (path / "config.json").write_text(config[: len(config) // 2])


def _half_of_diverged(path):
    (path / "diverged.json").write_text('[{"variant": ')


def _of_another_program(path):
    _no_checkpoint(path)
    (path / "config.json").write_text('{"architectures": []}')


@pytest.mark.parametrize(
    ("spoil", "choice", "message"),
    [
        (shutil.rmtree, {}, "holds no run: there is no config.json in it"),
        (_no_configuration, {}, "holds no run: there is no config.json in it"),
        (_no_checkpoint, {}, "no readable checkpoint in"),
        (_half_a_config, {}, "config.json is damaged"),
        (_half_of_diverged, {}, "diverged.json is damaged: it must hold a list of replicas"),
        (_of_another_program, {}, "config.json was not written by an experiment of jaxvae"),
        (lambda path: None, {"variant": "best"}, "has no run of variant 'best'; it has ('plain', seed 4), "),
        (
            lambda path: None,
            {"seed": 5},
            "has no run of variant 'sharp' with seed 5; it has ('plain', seed 4)",
        ),
    ],
    ids=[
        "no directory",
        "no config",
        "no checkpoint",
        "half a config",
        "diverged",
        "foreign",
        "variant",
        "seed",
    ],
)
def test_what_cannot_be_loaded_is_one_sentence(workdir, tmp_path, spoil, choice, message):
    path = tmp_path / "toy"
    shutil.copytree(workdir, path)
    spoil(path)
    with pytest.raises(ValueError, match=re.escape(message)) as refusal:
        jaxvae.load(path, **choice)
    assert str(refusal.value).endswith(".")
    assert "\n" not in str(refusal.value)


def test_a_file_is_no_run(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="holds no run"):
        jaxvae.load(tmp_path / "file")


@pytest.fixture(scope="module", params=["0.1.0", "today"])
def study(request, tmp_path_factory):
    """A run of two parts, whose models differ in prior and size, as version 0.1.0 recorded it and as today's does."""
    top = train.Workdir(tmp_path_factory.mktemp("runs") / "study")
    kinds = {
        "flat": models.ConvVAE((8, 8, 1), 2, widths=(2,), hidden=4, prior=(1.0, 2.0)),
        "deep": models.ConvVAE((8, 8, 1), 5, widths=(2,), hidden=4),
    }
    head = {"experiment": "toy", "config": {"precision": "float32"}}
    if request.param == "0.1.0":
        head |= {"data": {}, "replicas": []}
    parts = {"flat": "one", "wild": "two", "deep": "two"}
    top.open(head | {"parts": parts}, resume=False, overwrite=False)
    for part, (name, model) in zip(("one", "two"), kinds.items(), strict=True):
        lost = ["wild"] if part == "two" else []
        replicas = [train.Replica(variant, 0, {}) for variant in (*lost, name)]
        players = {"all": train.Player(("expand", "head", "narrow", *_stages(model)), optax.sgd(0.1))}
        state = train.init_replicas(replicas, partial(models.init, model=model), players)
        record = head | {
            "model": models.describe(models.ConvVAE((8, 8, 1), model.latent_size, widths=(2,), hidden=4)),
            "models": {name: models.describe(model)},
            "replicas": [{"variant": variant, "seed": 0, "hyper": {}} for variant in (*lost, name)],
        }
        top.part(part).open(record, resume=False, overwrite=False)
        standing = train.Standing(top.part(part).diverged, replicas, step=0)
        standing.drop(dict.fromkeys(range(len(lost)), "its loss was not finite"), step=3)
        train.Checkpoints(top.part(part).checkpoints).save(state)
    return top.path, kinds


def _stages(model):
    names = jax.eval_shape(partial(models.init, model=model), jax.random.key(0))["params"]
    return [name for name in names if "stages" in name]


def test_a_run_of_parts_gives_each_variant_from_its_own(study):
    path, kinds = study
    for name, model in kinds.items():
        run = jaxvae.load(path, variant=name)
        assert models.describe(run.model) == models.describe(model)
        assert run.sample(3).shape == (3, 8, 8, 1)
    assert jaxvae.load(path).variant == "deep"


def test_samples_come_from_the_models_own_prior(study):
    run = jaxvae.load(study[0], variant="flat")
    codes = models.draw(jax.random.key(3), [models.Normal(dim=2, loc=1.0, scale=2.0)], 4)
    np.testing.assert_allclose(run.sample(4, seed=3), run.decode(codes), atol=1e-6)


def test_a_variant_that_no_part_has_is_refused(study):
    with pytest.raises(ValueError, match=r"has no run of variant 'sharp'; it has flat, wild, deep\."):
        jaxvae.load(study[0], variant="sharp")


def test_a_variant_that_diverged_has_no_model(study):
    with pytest.raises(ValueError, match="has no model of variant 'wild'") as refusal:
        jaxvae.load(study[0], variant="wild")
    assert str(refusal.value).endswith(" 'wild': its loss was not finite.")


def test_a_part_without_replicas_is_refused(study, tmp_path):
    path = tmp_path / "study"
    shutil.copytree(study[0], path)
    (path / "parts" / "one" / "config.json").write_text('{"config": {}}')
    with pytest.raises(
        ValueError, match=r"one.config.json was not written by an experiment of jaxvae, or was altered\."
    ):
        jaxvae.load(path, variant="flat")
    assert jaxvae.load(path, variant="deep").variant == "deep"


def test_a_classifier_is_no_autoencoder(images):
    model = models.Classifier((8, 8, 3), 2, (2,), (2,))
    run = jaxvae.Run(model, models.init(jax.random.key(0), model), config={}, variant="some", seed=0)
    assert run.parameters == (9 * 3 * 2 + 2) + (128 * 2 + 2) + (2 * 2 + 2)
    for use in (lambda: run.encode(images), lambda: run.reconstruct(images), lambda: run.sample(2)):
        with pytest.raises(ValueError, match="this run trained a Classifier, which is no autoencoder"):
            use()


LABELS = np.array([2, 0, -1, 1, 2])


@pytest.fixture(scope="module")
def conditional():
    model = models.ConditionalVAE((8, 8, 3), (2, 1), (2,), classes=3)
    variables = models.init(jax.random.key(0), model)
    return jaxvae.Run(model, variables, config={"experiment": "toy"}, variant="plain", seed=0)


@pytest.mark.parametrize("kind", [np.asarray, jnp.asarray, np.uint8], ids=["NumPy", "JAX", "uint8"])
def test_a_conditional_run_is_used_with_labels(conditional, images, kind):
    labels = jnp.array([2, 0, 1, 1, 2])
    model, variables = conditional.model, conditional.variables
    expected = models.reconstruct(model, variables, jnp.float32(images) / 255, labels=labels)
    _assert_close(conditional.reconstruct(images, labels=kind(labels)), expected)
    drawn = models.sample(jax.random.key(3), model, variables, 5, labels=labels)
    _assert_close(conditional.sample(5, seed=3, labels=kind(labels)), drawn)


def test_labels_follow_their_images_in_pieces(conditional, images, monkeypatch):
    def use():
        reconstructed = conditional.reconstruct(images, labels=LABELS)
        return reconstructed, conditional.encode(images, labels=LABELS), conditional.sample(5, labels=LABELS)

    whole = use()
    monkeypatch.setattr("jaxvae.pieces.PIECE", 2)
    _assert_close(use(), whole)


def test_one_label_holds_for_a_whole_plane_or_path(conditional, images):
    codes, values, label = (jnp.zeros((1, 2)), jnp.zeros((1, 1))), np.linspace(-1, 1, 3), np.array([1])
    plane = conditional.traverse(codes, values, labels=label)[0]
    _assert_close(plane[1, 1][None], conditional.decode(codes, labels=label))
    path = conditional.interpolate(images[:1], images[1:2], 3, labels=label)
    ends = conditional.reconstruct(images[:2], labels=np.array([1, 1]))
    _assert_close(path[jnp.array([0, 2])], ends)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda run, x: run.encode(x), "takes class numbers of shape (5,), got None."),
        (lambda run, x: run.sample(3), "takes class numbers of shape (3,), got None."),
        (lambda run, x: run.reconstruct(x, labels=LABELS[:4]), "as many as the examples, 5, got 4."),
        (lambda run, x: run.sample(3, labels=LABELS), "as many as the examples, 3, got 5."),
        (lambda run, x: run.encode(x, labels=LABELS + 1), "from 0 to 2, or -1 for none, got 0 to 3."),
        (lambda run, x: run.encode(x, labels=LABELS - 1), "from 0 to 2, or -1 for none, got -2 to 1."),
        (lambda run, x: run.interpolate(x[:1], x[1:2], labels=LABELS[:2]), "the examples, 1, got 2."),
    ],
    ids=["encode", "sample", "too few", "too many", "too high", "too low", "two for a path"],
)
def test_labels_that_do_not_fit_are_refused(conditional, images, use, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        use(conditional, images)


def test_other_runs_take_no_labels(run, images):
    codes = tuple(jnp.zeros((1, d)) for d in (2, 3))
    for use in (
        lambda: run.encode(images, labels=LABELS),
        lambda: run.sample(5, labels=LABELS),
        lambda: run.traverse(codes, np.zeros(2), labels=LABELS[:1]),
    ):
        with pytest.raises(ValueError, match="is not conditional and takes no labels"):
            use()
