import pytest

from jaxvae.models import VLAE, build, describe, layout

MODEL = VLAE((8, 12, 3), (2, 3), (4, 5), 6, shared_merge=False, learned_scale=True)
KNOWN = (
    "vae, vlae, hierarchical_vae, conv_vae, deep_conv_vae, dropout_vae, conditional_vae, subspace_vae, aae, vaegan, "
    "classifier, pool_classifier, residual_classifier"
)


def test_a_description_leaves_out_what_depends_on_the_machine():
    elsewhere = MODEL.clone(axis_name="data", layout=layout("native"))
    assert describe(elsewhere) == describe(MODEL)
    assert not {"axis_name", "layout", "name", "parent"} & set(describe(MODEL))


def test_a_model_of_no_family_is_refused():
    class Other(VLAE):
        pass

    with pytest.raises(ValueError, match=f"Other is none of the families {KNOWN}"):
        describe(Other((8, 12, 3)))


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
