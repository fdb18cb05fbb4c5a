import json

import pytest
from flax import linen as nn

from jaxvae.models import VLAE, build, describe, layout

MODEL = VLAE((8, 12, 3), (2, 3), (4, 5), 6, shared_merge=False, learned_scale=True)


def test_a_model_comes_back_from_its_description():
    assert build(json.loads(json.dumps(describe(MODEL)))) == MODEL


def test_a_description_leaves_out_what_depends_on_the_machine():
    elsewhere = MODEL.clone(axis_name="data", layout=layout("native"))
    assert describe(elsewhere) == describe(MODEL)
    assert not {"axis_name", "layout", "name", "parent"} & set(describe(MODEL))


def test_a_module_of_no_family_is_refused():
    with pytest.raises(ValueError, match="Dense is none of the families vae, vlae, conv_vae, classifier"):
        describe(nn.Dense(3))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"family": "gan"}, "must be one of vae, vlae, conv_vae, classifier, got 'gan'"),
        ({"family": None}, "must be one of vae, vlae, conv_vae, classifier, got None"),
        ({"depth": 3}, "not the arguments of vlae: .*'depth'"),
        ({"hidden": 0}, "sizes must be at least 1"),
    ],
)
def test_a_wrong_description_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        build(describe(MODEL) | change)
