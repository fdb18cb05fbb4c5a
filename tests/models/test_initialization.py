import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from jaxvae.models import INITIALIZATIONS, initialization, layout
from jaxvae.models.layers import Conv, ConvTranspose, Dense

KEY = jax.random.key(0)
NAMES = pytest.mark.parametrize("name", INITIALIZATIONS)


def layers(name):
    """Layers of different kinds, an input each, and the fan-in that PyTorch counts for it."""
    begin, native = initialization(name), layout("native")
    return {
        "dense": (Dense(600, native, initialization=begin), jnp.zeros((1, 50)), 50),
        "conv": (
            Conv(200, native, (5, 3), use_bias=True, initialization=begin),
            jnp.zeros((1, 8, 8, 20)),
            300,
        ),
        "transposed": (
            ConvTranspose(400, (8, 8), native, (3, 3), use_bias=True, initialization=begin),
            jnp.zeros((1, 4, 4, 10)),
            3600,
        ),
    }


def expected(name, parameter, fan_in):
    if name == "pytorch":
        return scipy.stats.uniform(-(fan_in**-0.5), 2 * fan_in**-0.5)
    return scipy.stats.norm(0, (2 / fan_in) ** 0.5)


@NAMES
@pytest.mark.parametrize("kind", ["dense", "conv", "transposed"])
def test_parameters_have_the_named_distribution(name, kind):
    layer, x, fan_in = layers(name)[kind]
    params = layer.init(KEY, x)["params"]
    for parameter, values in params.items():
        if (name, parameter) == ("kaiming_normal", "bias"):
            assert (np.asarray(values) == 0).all()
        else:
            distribution = expected(name, parameter, fan_in)
            assert scipy.stats.kstest(np.ravel(values)[:20_000], distribution.cdf).pvalue > 0.01


@NAMES
@pytest.mark.parametrize("kind", ["dense", "conv", "transposed"])
def test_distributions_are_pytorchs(name, kind):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    theirs = {
        "dense": lambda: torch.nn.Linear(50, 600),
        "conv": lambda: torch.nn.Conv2d(20, 200, (5, 3)),
        "transposed": lambda: torch.nn.ConvTranspose2d(10, 400, 3),
    }[kind]()
    weights = {"kernel": theirs.weight, "bias": theirs.bias}
    if name == "kaiming_normal":
        torch.nn.init.kaiming_normal_(weights["kernel"], nonlinearity="relu")
        del weights["bias"]
    layer, x, _ = layers(name)[kind]
    params = layer.init(KEY, x)["params"]
    for parameter, values in weights.items():
        ours, other = np.ravel(params[parameter]), values.detach().numpy().ravel()
        assert ours.shape == other.shape
        assert scipy.stats.ks_2samp(ours[:20_000], other[:20_000]).pvalue > 0.01


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="must be one of kaiming_normal, pytorch, got 'xavier'"):
        initialization("xavier")
