import pytest

from jaxvae.report import Column, Row, columns, compare_means, failed, few_seeds, summarize

SHARPNESS = Column(key="sharpness_ratio", title="Sharpness")
(FID,) = columns("fid")


def over_seeds(name, values, *, key="sharpness_ratio"):
    return Row(name=name, metrics=summarize([{key: value} for value in values]))


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        ([0.5], [0.8], "better (one seed)"),
        ([0.5], [1.9], "better (one seed)"),
        ([0.5], [2.5], "not better (one seed)"),
        ([0.5], [0.4], "not better (one seed)"),
        ([0.4, 0.6], [0.45, 0.65], "no clear difference (two seeds)"),
        ([0.4, 0.5, 0.6], [0.45, 0.55, 0.65], "no clear difference"),
        ([0.4, 0.41, 0.42], [0.9, 0.95, 0.92], "better"),
        ([0.4, 0.41, 0.42], [0.9], "better (one seed)"),
        ([0.5], [0.0], "not better (one seed)"),
    ],
)
def test_a_ratio_of_two_is_as_bad_as_one_of_a_half(before, after, verdict):
    rows = [over_seeds("VAE", before), over_seeds("VAE-GAN", after)]
    (sentence,) = compare_means(rows, ("VAE", "VAE-GAN"), SHARPNESS, goal="one")
    assert sentence.endswith(f", {verdict}.")


@pytest.mark.parametrize(("goal", "verdict"), [("lower", "better"), ("higher", "not better")])
def test_the_goal_decides_which_difference_is_better(goal, verdict):
    rows = [over_seeds("a", [2.0]), over_seeds("b", [1.0])]
    assert compare_means(rows, ("a", "b"), SHARPNESS, goal=goal) == [
        f"Sharpness, a → b: 2.000 → 1.000, {verdict} (one seed)."
    ]


def test_a_column_knows_its_goal_and_its_digits():
    rows = [over_seeds("VAE", [1204.0, 1206.0], key="fid"), over_seeds("AAE", [98.24, 98.26], key="fid")]
    assert compare_means(rows, ("VAE", "AAE"), FID, claim="FID of the ring") == [
        "FID of the ring: 1,205.0 ± 1.4 → 98.2 ± 0.0, better (two seeds)."
    ]


@pytest.mark.parametrize(
    "rows",
    [
        [over_seeds("a", [1.0])],
        [over_seeds("a", [1.0]), Row(name="b", metrics={})],
        [over_seeds("a", [1.0]), over_seeds("b", [float("nan")])],
    ],
    ids=["no such row", "failed", "not finite"],
)
def test_what_was_not_measured_is_not_compared(rows):
    assert compare_means(rows, ("a", "b"), SHARPNESS, goal="lower") == []


def test_a_metric_without_direction_needs_a_goal():
    with pytest.raises(ValueError, match="'sharpness_ratio' has no better direction"):
        compare_means([], ("a", "b"), SHARPNESS)


def test_rows_without_results_are_named():
    assert failed([over_seeds("VAE", [1.0]), Row(name="AAE, ring", metrics={})]) == ["AAE, ring failed."]


def test_nothing_compared_has_no_seeds_to_name():
    assert few_seeds() == ""
