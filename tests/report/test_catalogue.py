import ast
from collections import Counter
from pathlib import Path

import pytest

from jaxvae import report
from jaxvae.report.catalogue import CATALOGUE

ROOT = Path(__file__).parents[2]


def declared_keys(source):
    """Keys of the columns that a module declares; in place of what is filled in at run time, braces."""
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Call)
            and getattr(node.func, "attr", getattr(node.func, "id", "")) == "Column"
        ):
            (key,) = (keyword.value for keyword in node.keywords if keyword.arg == "key")
            if isinstance(key, ast.Constant):
                yield key.value
            elif isinstance(key, ast.JoinedStr):
                yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in key.values)


def test_no_metric_has_two_columns():
    files = [path for folder in ("jaxvae", "experiments") for path in (ROOT / folder).rglob("*.py")]
    counts = Counter(key for path in files for key in declared_keys(path.read_text()))
    assert counts >= Counter(CATALOGUE.keys())
    assert [key for key, count in counts.items() if count > 1] == []


def test_the_walk_sees_every_way_to_declare_a_column():
    source = (
        'Column(key="a", title="A"), report.Column(title="B", key="b"), Column(key=f"c_{n}"), Column(key=n)'
    )
    assert list(declared_keys(source)) == ["a", "b", "c_{}"]


def test_columns_come_in_the_order_asked_for_and_may_be_a_users_own():
    own = report.Column(key="luck", title="Luck")
    ssim, luck, bce = report.columns("ssim", own, "bce")
    assert (ssim.heading, luck, bce.heading) == ("SSIM ↑", own, "BCE (nats) ↓")


def test_an_unknown_metric_is_refused_with_those_that_look_like_it():
    with pytest.raises(
        ValueError, match=r"'classifer_fid' \(did you mean classifier_fid.*report.Column\(key='classifer_"
    ):
        report.columns("ssim", "classifer_fid")
    with pytest.raises(ValueError, match=r"metric 'qqqqq'; give a report.Column"):
        report.columns("qqqqq")


def test_a_family_is_no_column():
    with pytest.raises(ValueError, match=r"use report.family\('kl_\{\}', members\)"):
        report.columns("kl_{}")


def shown(columns):
    return [(column.key, column.heading, column.digits) for column in columns]


@pytest.mark.parametrize(
    ("key", "members", "expected"),
    [
        ("kl_{}", range(1, 3), [("kl_1", "KL, dimension 1 (nats)", 2), ("kl_2", "KL, dimension 2 (nats)", 2)]),
        ("mmd_z{}", (2,), [("mmd_z2", "MMD² z2 ↓", 5)]),
        ("p_{}", ("bird", "horse"), [("p_bird", "p(bird)", 3), ("p_horse", "p(horse)", 3)]),
        ("attribute_{}", {0: "Smiling", 1: "Hat"}, [("attribute_0", "Smiling", 3), ("attribute_1", "Hat", 3)]),
        ("fid_{}", ("second_stage",), [("fid_second_stage", "FID, second stage ↓", 1)]),
        ("fid_{}", {"prior": "N(0, I)"}, [("fid_prior", "FID, N(0, I) ↓", 1)]),
        ("mmd_floor_std_z{}", (), []),
        ("classifier_fid_{}", (1,), [("classifier_fid_1", "Classifier FID, 1 ↓", 1)]),
    ],
)  # fmt: skip
def test_families_have_a_column_for_each_member(key, members, expected):
    assert shown(report.family(key, members)) == expected


@pytest.mark.parametrize(
    ("key", "message"),
    [("fdi_{}", r"'fdi' \(did you mean fid"), ("fid", r"ends with braces, such as 'fid_\{\}', got 'fid'")],
)
def test_an_unknown_family_is_refused(key, message):
    with pytest.raises(ValueError, match=message):
        report.family(key, ("prior",))


def test_curves_of_a_users_own_terms_are_titled_after_them():
    kl, own = report.curve_columns(["kl", "my_own_loss"])
    assert (kl.label, own.key, own.label) == ("KL (nats)", "my_own_loss", "My own loss")
