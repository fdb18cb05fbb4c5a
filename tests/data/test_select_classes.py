import numpy as np
import pytest

from jaxvae.data import Attributes, from_arrays, select, select_classes

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 2, 2, 1), dtype=np.uint8)
LABELS = np.array([2, -1, 0, 2, 1])
VALUES = np.eye(5, 3, dtype=bool)
WHOLE = from_arrays(
    IMAGES,
    LABELS,
    name="toys",
    class_names=("a", "b", "c", "d"),
    attributes=Attributes(("x", "y", "z"), VALUES),
)


def test_a_part_keeps_labels_and_attributes():
    part = select(WHOLE, np.array([3, 1]))
    np.testing.assert_array_equal(part.images, IMAGES[[3, 1]])
    np.testing.assert_array_equal(part.labels, [2, -1])
    np.testing.assert_array_equal(part.attributes.values, VALUES[[3, 1]])
    assert part.spec.class_names == WHOLE.spec.class_names


def test_a_slice_copies_nothing():
    assert np.shares_memory(select(WHOLE, slice(2)).images, WHOLE.images)


def test_classes_take_images_and_attributes_along_and_leave_what_has_no_label():
    part = select_classes(WHOLE, ("c", "a"))
    np.testing.assert_array_equal(part.images, IMAGES[[0, 2, 3]])
    np.testing.assert_array_equal(part.labels, [0, 1, 0])
    np.testing.assert_array_equal(part.attributes.values, VALUES[[0, 2, 3]])
    assert part.spec.class_names == ("c", "a")


def test_attributes_are_part_of_the_fingerprint():
    prints = {
        from_arrays(IMAGES, LABELS, name="toys", class_names=tuple("abcd"), attributes=known).spec.fingerprint
        for known in (
            None,
            WHOLE.attributes,
            Attributes(("x", "y", "w"), VALUES),
            Attributes(("x", "y", "z"), ~VALUES),
        )
    }
    assert len(prints) == 4


def test_what_makes_no_part_is_refused():
    with pytest.raises(ValueError, match="'toys' has no example of d"):
        select_classes(WHOLE, ("d",))
    bare = from_arrays(IMAGES, np.full(5, -1), name="bare")
    with pytest.raises(ValueError, match="'bare' has no classes to choose from"):
        select_classes(bare, ("a",))
    with pytest.raises(ValueError, match="got those of 5 for 4 images"):
        from_arrays(
            IMAGES[:4], LABELS[:4], name="toys", class_names=tuple("abcd"), attributes=WHOLE.attributes
        )
