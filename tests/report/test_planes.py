import numpy as np
import pytest

from jaxvae.report import CodePlane, code_planes

LABELS = np.arange(30) % 3


def plane(n=30, reach=2.0):
    codes = np.random.default_rng(0).normal(size=(n, 2)).astype(np.float32)
    return CodePlane(title="AAE", codes=codes, log_prob=lambda z: -0.5 * (z**2).sum(1), reach=reach)


@pytest.mark.parametrize("panels", [1, 3, 4])
def test_every_panel_shows_its_codes_and_contours(panels):
    figure = code_planes([plane(reach=5.0)] * panels, LABELS, class_names=["a", "b", "c"])
    shown = [axes for axes in figure.axes if axes.get_title() == "AAE"]
    assert len(shown) == panels
    for axes in shown:
        assert axes.get_xlim() == pytest.approx((-5, 5))
        assert axes.get_ylim() == pytest.approx((-5, 5))
        assert len(axes.collections) == 2, "points and contours"


def test_far_codes_widen_the_panel():
    (axes, *_) = code_planes([plane(reach=0.1)], LABELS).axes
    assert axes.get_xlim()[1] > 1


@pytest.mark.parametrize("panels", [[], [plane(n=7)]])
def test_panels_that_do_not_fit_are_refused(panels):
    with pytest.raises(ValueError, match="code_planes needs panels of 30 codes"):
        code_planes(panels, LABELS)
