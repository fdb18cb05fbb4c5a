import jax.numpy as jnp
import numpy as np
import pytest

from jaxvae.data import from_arrays

CLASSES = ("cat", "dog", "horse")


def _arrays(n=4):
    return np.arange(n * 6, dtype=np.uint8).reshape(n, 2, 3, 1), np.arange(n) % 3


def test_keeps_order_and_describes_itself():
    images, labels = _arrays()
    animals = from_arrays(images, labels, name="animals", class_names=CLASSES)
    np.testing.assert_array_equal(animals.images, images)
    np.testing.assert_array_equal(animals.labels, labels)
    assert animals.labels.dtype == np.int32
    assert len(animals) == 4
    assert (animals.spec.name, animals.spec.image_shape, animals.spec.class_names) == (
        "animals",
        (2, 3, 1),
        CLASSES,
    )


def test_fingerprint_depends_on_the_content_alone():
    images, labels = _arrays()
    original = from_arrays(images, labels, name="a", class_names=CLASSES)
    renamed = from_arrays(images.copy(), labels.astype(np.uint8), name="b", class_names=CLASSES)
    assert renamed.spec.fingerprint == original.spec.fingerprint


@pytest.mark.parametrize("change", ["pixel", "label", "order", "shape", "count"])
def test_fingerprint_sees_every_change(change):
    images, labels = _arrays()
    original = from_arrays(images, labels, name="a", class_names=CLASSES)
    changed_images, changed_labels = images.copy(), labels.copy()
    if change == "pixel":
        changed_images[-1, -1, -1, -1] ^= 1
    elif change == "label":
        changed_labels[-1] = -1
    elif change == "order":
        changed_images, changed_labels = images[::-1], labels[::-1]
    elif change == "shape":
        changed_images = images.reshape(4, 3, 2, 1)
    else:
        changed_images, changed_labels = images[:-1], labels[:-1]
    changed = from_arrays(changed_images, changed_labels, name="a", class_names=CLASSES)
    assert changed.spec.fingerprint != original.spec.fingerprint


def test_unlabelled_images_need_no_classes():
    images, _ = _arrays()
    assert from_arrays(images, np.full(4, -1), name="photos").spec.class_names == ()


@pytest.mark.parametrize("label", [-2, 3])
def test_a_label_without_a_class_is_refused(label):
    images, labels = _arrays()
    labels[1] = label
    with pytest.raises(ValueError, match=r"Labels of 'a' must lie in \[-1, 3\)"):
        from_arrays(images, labels, name="a", class_names=CLASSES)


def test_float_images_are_refused():
    images, labels = _arrays()
    with pytest.raises(ValueError, match="must be uint8 in \\[0, 255\\], got float32"):
        from_arrays(images.astype(np.float32), labels, name="a", class_names=CLASSES)


def test_an_empty_set_is_refused():
    images, labels = _arrays()
    with pytest.raises(ValueError, match="at least one image"):
        from_arrays(images[:0], labels[:0], name="a", class_names=CLASSES)


def test_classes_without_names_are_named_by_their_numbers():
    images, labels = _arrays()
    assert from_arrays(images, labels, name="a").spec.class_names == ("0", "1", "2")
    assert from_arrays(images, np.full(4, -1), name="a").spec.class_names == ()


def test_refuses_another_number_of_labels():
    images, labels = _arrays()
    with pytest.raises(ValueError, match="one label per image, got 3 for 4 images"):
        from_arrays(images, labels[:3], name="a")


def test_labels_may_be_a_list_and_arrays_those_of_jax():
    images, labels = _arrays()
    expected = from_arrays(images, labels, name="a")
    for pixels, numbers in ((images, labels.tolist()), (jnp.asarray(images), jnp.asarray(labels))):
        found = from_arrays(pixels, numbers, name="a")
        assert found.spec == expected.spec
        assert type(found.images) is type(found.labels) is np.ndarray
