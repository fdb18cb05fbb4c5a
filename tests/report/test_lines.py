import numpy as np
import pytest

from jaxvae.report import lines


def test_every_quantity_is_a_line_from_0_upwards():
    figure = lines({"a": [0.0, 1.0, 2.0], "b": [1.0, 0.5, 0.2]}, [0, 1, 3], x_label="x", y_label="y")
    (axes,) = figure.axes
    assert [line.get_label() for line in axes.lines] == ["a", "b"]
    np.testing.assert_array_equal(axes.lines[1].get_xydata(), [[0, 1.0], [1, 0.5], [3, 0.2]])
    assert axes.get_ylim()[0] == 0


@pytest.mark.parametrize(
    ("series", "got"), [({}, "got none"), ({"a": [1.0, 2.0, 3.0], "b": [1.0]}, "got 3 of 'a', 1 of 'b'")]
)
def test_a_quantity_needs_a_value_at_each_place(series, got):
    with pytest.raises(ValueError, match=got):
        lines(series, [0, 1, 2], x_label="x", y_label="y")
