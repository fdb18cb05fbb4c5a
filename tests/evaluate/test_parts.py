import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxvae.evaluate import mode_match
from jaxvae.models import Ring, SwissRoll

PRIORS = pytest.mark.parametrize("prior", [Ring(), SwissRoll()], ids=["ring", "roll"])
KEY, OTHER = jax.random.split(jax.random.key(0))


def match(prior, codes, *, draws=20_000, **options):
    return mode_match(
        codes,
        prior.sample(OTHER, draws),
        log_prob=prior.log_prob,
        part_of=prior.class_of,
        parts=prior.classes,
        **options,
    )


@PRIORS
def test_own_draws_match_up_to_sampling_error(prior):
    assert match(prior, prior.sample(KEY, 5000)) == pytest.approx(1, abs=0.035)


@PRIORS
def test_codes_between_the_parts_match_none(prior):
    assert match(prior, jax.random.normal(KEY, (5000, 2))) < 0.3
    assert match(prior, 100 + jax.random.normal(KEY, (5000, 2))) == pytest.approx(0.05, abs=0.005)


@PRIORS
def test_half_of_the_parts_are_half_a_match(prior):
    codes = prior.sample_class(KEY, jnp.arange(5000, dtype=jnp.int32) % 5)
    assert match(prior, codes) == pytest.approx(0.525, abs=0.02)  # all of the rest, and half of the parts


def test_places_are_where_each_part_is_dense():
    """Two parts of a uniform line whose density falls to its ends, so that places are intervals around 0."""
    codes = jnp.array([[-0.1], [-0.2], [0.1], [0.99]])
    line = np.linspace(-1, 1, 2000, dtype=np.float32)[:, None]
    actual = mode_match(
        codes,
        jnp.asarray(line),
        log_prob=lambda z: -jnp.abs(z[:, 0]),
        part_of=lambda z: (z[:, 0] > 0).astype(jnp.int32),
        parts=2,
        mass=0.5,
    )
    # Codes are in the places by 1/2, 1/4 and, of the rest, 1/4; draws by 1/4, 1/4, 1/2.
    assert actual == pytest.approx(0.75, abs=1e-3)


@pytest.mark.parametrize(
    ("codes", "options", "message"),
    [
        (jnp.zeros((4, 3)), {}, r"draws of their size, got \(4, 3\) and \(20000, 2\)"),
        (jnp.zeros((0, 2)), {}, r"got \(0, 2\)"),
        (jnp.zeros((4, 2)), {"mass": 1.0}, r"the mass must be in \(0, 1\), got 1.0"),
        (jnp.zeros((4, 2)), {"draws": 1}, "draws of every part, got none of"),
    ],
)
def test_what_cannot_be_matched_is_refused(codes, options, message):
    with pytest.raises(ValueError, match=message):
        match(Ring(), codes, **options)
