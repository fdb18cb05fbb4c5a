import json

import pytest
from flax import linen as nn

from jaxvae.models import (
    AAE,
    VAEGAN,
    VLAE,
    ConditionalVAE,
    DeepConvVAE,
    DropoutVAE,
    PoolClassifier,
    SubspaceVAE,
    build,
    describe,
    layout,
)

MODEL = VLAE((8, 12, 3), (2, 3), (4, 5), 6, shared_merge=False, learned_scale=True)
OTHERS = [
    DeepConvVAE((12, 16, 3), 12, (2, 3), 3, "pool", True, "conv", "stopped"),
    DropoutVAE((8, 12, 3), (2, 3), (4, 5), 0.1, 0.2, "kaiming_normal"),
    ConditionalVAE((8, 12, 3), (3,), classes=4),
    SubspaceVAE((8, 12, 3), (3, 4), classes=5),
    PoolClassifier((8, 12, 3), 4, (2, 3), "pytorch"),
    AAE((8, 12, 3), 2, (4, 5), (6,), "ring", gaussian=True, informed=True),
    VAEGAN((8, 12, 3), 4, (4, 5), (6, 7), 8, 2, "spectral", 3),
]
KNOWN = (
    "vae, vlae, conv_vae, deep_conv_vae, dropout_vae, conditional_vae, subspace_vae, aae, vaegan, classifier, "
    "pool_classifier"
)


@pytest.mark.parametrize("model", [MODEL, *OTHERS], ids=lambda model: type(model).__name__)
def test_a_model_comes_back_from_its_description(model):
    assert build(json.loads(json.dumps(describe(model)))) == model


def test_a_description_leaves_out_what_depends_on_the_machine():
    elsewhere = MODEL.clone(axis_name="data", layout=layout("native"))
    assert describe(elsewhere) == describe(MODEL)
    assert not {"axis_name", "layout", "name", "parent"} & set(describe(MODEL))


def test_a_module_of_no_family_is_refused():
    with pytest.raises(ValueError, match=f"Dense is none of the families {KNOWN}"):
        describe(nn.Dense(3))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"family": "gan"}, f"must be one of {KNOWN}, got 'gan'"),
        ({"family": None}, f"must be one of {KNOWN}, got None"),
        ({"depth": 3}, "not the arguments of vlae: .*'depth'"),
        ({"hidden": 0}, "sizes must be at least 1"),
    ],
)
def test_a_wrong_description_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        build(describe(MODEL) | change)
