"""What holds for every model family; each family's own file tests what is particular to it.

Most of it is found out by tracing, without compiling anything.
"""

import json
import re
from dataclasses import fields
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from statistics_of_a_batch import near_statistics

from jaxvae import models
from jaxvae.models import Autoencoder, layout
from jaxvae.models.family import FAMILIES
from jaxvae.models.layouts import LAYOUTS
from jaxvae.types import Model

KEY = jax.random.key(0)
N = 3
SHAPE = (9, 12, 2)
DEEP = models.DeepConvVAE((12, 15, 3), 12, (2, 4))
VAEGAN = models.VAEGAN(SHAPE, 3, (2, 4), (3, 5), 6, 2, attributes=2)
CASES = {
    "vae": models.VAE(SHAPE, 3, (2, 4)),
    "vlae": models.VLAE((8, 12, 2), (2, 3), (4, 5), 6, shared_merge=False, learned_scale=True),
    "hierarchical_vae": models.HierarchicalVAE(SHAPE, (2, 3, 2), (4, 5), 6, 5),
    "conv_vae": models.ConvVAE(SHAPE, 3, (2, 4), 5, "kaiming_normal", (1.0, 2.0), skip=True),
    "deep_conv_vae": DEEP.clone(deep_features="through"),
    "deep_conv_vae residual": DEEP.clone(kernel=3, residual=True),
    "deep_conv_vae pool": DEEP.clone(resampling="pool", latent="conv", deep_features="stopped"),
    "dropout_vae": models.DropoutVAE(SHAPE, (3, 1), (2, 4), 0.4, 0.2, "kaiming_normal"),
    "conditional_vae": models.ConditionalVAE(SHAPE, (3,), (2, 4), 0.3, 0.2, classes=3),
    "subspace_vae": models.SubspaceVAE(SHAPE, (2, 5), (2, 4), 0.3, classes=3),
    "aae": models.AAE(SHAPE, 2, (2, 4), (5, 6), "ring", gaussian=True, informed=True),
    "vaegan": VAEGAN,
    "vaegan spectral": VAEGAN.clone(normalisation="spectral", attributes=0),
    "classifier": models.Classifier(SHAPE, 4, (2, 3, 4, 5), (6, 5)),
    "pool_classifier": models.PoolClassifier(SHAPE, 4, (2, 3), "pytorch"),
    "residual_classifier": models.ResidualClassifier(SHAPE, 4, (2, 3)),
}
AUTOENCODERS = {name: model for name, model in CASES.items() if isinstance(model, Autoencoder)}


def each(cases):
    return pytest.mark.parametrize("model", cases.values(), ids=cases)


def labels(model, n=N):
    """What the model's methods take as `label`."""
    rng = np.random.default_rng(0)
    if model.label_field == "attributes":
        return jnp.asarray(rng.integers(0, 2, (n, model.label_size)), jnp.float32)
    return jnp.arange(-1, n - 1) if model.label_field else None


def label(model, n=N):
    return {} if model.label_field is None else {"label": labels(model, n)}


def images(model, n=N):
    return jnp.asarray(np.random.default_rng(1).random((n, *model.image_shape)), jnp.float32)


def codes(model, n=N):
    return tuple(jnp.zeros((n, size)) for size in model.latent_sizes)


@cache
def variables(model):
    """Values away from the initial ones, where a mistake in their use would not show."""
    rng = np.random.default_rng(2)

    def draw(path, leaf):
        low = 0.2 if path[-1].key.endswith(("scale", "var", "sigma")) else -0.3
        return jnp.asarray(rng.uniform(low, 0.3, leaf.shape), leaf.dtype)

    return jax.tree.map_with_path(draw, jax.eval_shape(partial(models.init, model=model), KEY))


def call(model, variables, image, *, train):
    """What losses see, with the updated statistics; `play` where the family has several players."""
    plays = hasattr(model, "play")
    given = {"label": jnp.arange(-1, N - 1) if isinstance(model, models.AAE) else labels(model)}
    return model.apply(
        variables,
        KEY,
        image,
        jnp.arange(N),
        train=train,
        mutable=["batch_stats"],
        method="play" if plays else "__call__",
        **(given if plays else label(model)),
    )


def activations(model, variables, image):
    methods = [name for name in ("features", "activations") if hasattr(model, name)]
    return [model.apply(variables, image, method=name) for name in methods]


def test_every_family_has_a_case():
    assert {name.split()[0] for name in CASES} == set(FAMILIES)
    assert all(type(model) is FAMILIES[name.split()[0]] for name, model in CASES.items())


@each(CASES)
def test_a_model_comes_back_from_its_description(model):
    built = models.build(json.loads(json.dumps(models.describe(model))))
    assert built == model
    assert isinstance(built, Model)


@pytest.mark.parametrize(
    ("name", "precision"), [("chwn", "float32"), ("chwn", "bfloat16"), ("native", "bfloat16")]
)
@each(CASES)
def test_outputs_have_the_right_shapes_and_all_numbers_are_float32(model, name, precision):
    chosen, shapes = (
        model.clone(layout=layout(name, precision=precision)),
        jax.tree.map(jnp.shape, variables(model)),
    )

    def trace(image):
        initial = models.init(KEY, chosen)
        assert jax.tree.map(jnp.shape, initial) == shapes
        results = call(chosen, initial, image, train=True)
        assert {leaf.dtype for leaf in jax.tree.leaves((initial, results))} == {jnp.dtype("float32")}
        output, _ = results
        if isinstance(model, Autoencoder):
            assert output.logits.shape == image.shape
            sizes = [(N, size) for size in model.latent_sizes]
            assert [z.shape for z in output.latents] == sizes
            assert [q.mean.shape for q in output.posteriors] == sizes
            assert [q.stddev.shape for q in output.posteriors] == sizes
        else:
            assert output.shape == (N, model.classes)
        return jax.tree.leaves((results, activations(chosen, initial, image)))

    assert ("bf16" in str(jax.make_jaxpr(trace)(images(model)))) == (precision == "bfloat16")


@each(AUTOENCODERS)
def test_an_autoencoder_has_a_prior_for_each_level(model):
    drawn = jax.eval_shape(lambda: [prior.sample(KEY, 5) for prior in model.priors])
    assert [z.shape for z in drawn] == [(5, size) for size in model.latent_sizes]


@partial(jax.jit, static_argnums=0)
def trained_and_evaluated(model, variables, image):
    """What losses see in training and in evaluation, and gradients of all of it."""

    def loss(params):
        results = call(model, {**variables, "params": params}, image, train=True)
        return sum(jnp.mean(jnp.square(leaf)) for leaf in jax.tree.leaves(results)), results

    trained = jax.value_and_grad(loss, has_aux=True)(variables["params"])
    evaluated = call(model, variables, image, train=False)
    return trained, evaluated, activations(model, variables, image)


def settled(model):
    given = variables(model)
    return near_statistics(given, jax.jit(partial(call, model, train=True))(given, images(model))[1])


@each(CASES)
def test_layouts_agree_in_values_gradients_and_statistics(model):
    first, second = (
        trained_and_evaluated(model.clone(layout=layout(name)), settled(model), images(model))
        for name in LAYOUTS
    )
    assert jax.tree.structure(first) == jax.tree.structure(second)
    for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True):
        assert np.isfinite(a).all()
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


@each(CASES)
def test_images_of_another_shape_are_refused(model):
    height, width, channels = model.image_shape
    methods = [name for name in ("encode", "features", "activations") if hasattr(model, name)]
    for shape in (
        (height, width, channels + 1),
        (height + 4, width, channels),
        (height, width + 4, channels),
    ):
        image, message = jnp.zeros((N, *shape)), f"takes images of shape {model.image_shape}, got {shape}."
        with pytest.raises(ValueError, match=re.escape(message)):
            model.apply(variables(model), KEY, image, jnp.arange(N), **label(model))
        for name in methods:
            with pytest.raises(ValueError, match=re.escape(message)):
                model.apply(
                    variables(model), image, method=name, **(label(model) if name == "encode" else {})
                )


@each(AUTOENCODERS)
def test_latents_that_do_not_match_the_levels_are_refused(model):
    good = codes(model)
    for latents in ((), good[:-1], (*good, good[0]), (jnp.zeros((N, good[0].shape[1] + 1)), *good[1:])):
        sizes = tuple(z.shape[1] for z in latents)
        message = f"one latent for each level, of sizes {model.latent_sizes}, got {sizes}."
        with pytest.raises(ValueError, match=re.escape(message)):
            model.apply(variables(model), latents, **label(model), method="decode")


@each(AUTOENCODERS)
def test_labels_that_do_not_match_the_images_or_the_model_are_refused(model):
    wrong = {None: [jnp.zeros(N, jnp.int32), jnp.zeros((N, 2))], "label": [None, jnp.zeros(N + 1, jnp.int32)]}
    wrong["attributes"] = [None, jnp.zeros((N, 3)), jnp.zeros((N - 1, 2)), jnp.zeros(N, jnp.int32)]
    wrong["label"].append(jnp.zeros((N, 3)))
    message = {
        None: "is not conditional and takes no labels; leave them out.",
        "label": f"this model takes class numbers of shape ({N},), got ",
        "attributes": f"this model takes attributes of shape ({N}, 2), got ",
    }[model.label_field]
    for value in wrong[model.label_field]:
        for method, arguments in {
            "__call__": (KEY, images(model), jnp.arange(N)),
            "encode": (images(model),),
            "decode": (codes(model),),
        }.items():
            with pytest.raises(ValueError, match=re.escape(message)):
                model.apply(variables(model), *arguments, label=value, method=method)


def sizes_that_make_no_network():
    """Each size of each family set to 0, one after the other, and each tuple of sizes to an empty one."""
    for name, model in CASES.items():
        if name not in FAMILIES:
            continue
        for f in fields(model):
            value = getattr(model, f.name)
            if isinstance(value, tuple) and isinstance(value[0], int):
                zeros = [(*value[:i], 0, *value[i + 1 :]) for i in range(len(value))]
                bad = zeros if f.name == "image_shape" else [(), *zeros]
            elif type(value) is int:
                bad = [-1 if f.name == "attributes" else 0]
            else:
                continue
            for wrong in bad:
                yield pytest.param(model, f.name, wrong, id=f"{name} {f.name}={wrong}")


@pytest.mark.parametrize(("model", "field", "value"), list(sizes_that_make_no_network()))
def test_sizes_that_make_no_network_are_refused(model, field, value):
    with pytest.raises(ValueError, match=re.escape(str(value))):
        model.clone(**{field: value})


@pytest.mark.parametrize(
    "model", [m for m in CASES.values() if hasattr(m, "initialization")], ids=lambda m: type(m).__name__
)
def test_an_unknown_initialization_is_refused(model):
    with pytest.raises(ValueError, match="initialization must be one of kaiming_normal, pytorch, got 'zero'"):
        model.clone(initialization="zero")
