"""Steps on many chips on paper, from rows whose times can be worked out by hand."""

import pytest

from benchmarks import scale, targets


def row(*, chips=1, batch=128, megabytes=819.0, gigaflop=1.97, collectives=None):
    return {
        "model": "ladder",
        "devices": chips,
        "replicas": 2,
        "batch_size": batch,
        "flops": 1e9 * gigaflop,
        "bytes_accessed": 2e6 * megabytes,
        "main_memory_bytes": 1e6 * megabytes,
        "collectives": collectives or {},
    }


SUMMED = {"all-reduce": {"count": 10, "bytes": 8_000_000}, "all-gather": {"count": 1, "bytes": 1_000}}


def test_a_step_of_one_chip_takes_what_the_longer_of_products_and_memory_takes():
    found = scale.seconds(row(), 1e-6)
    assert found == pytest.approx(
        {"products": 1e-5, "memory": 1e-3, "bytes": 2e-3, "links": 0.0, "latency": 0.0}
        | {"at best": 1e-3, "at worst": 2e-3}
    )
    assert scale.seconds(row(gigaflop=591.0), 1e-6)["at worst"] == pytest.approx(3e-3)


def test_collectives_come_on_top():
    found = scale.seconds(row(chips=4, collectives=SUMMED), 1e-6)
    assert found["links"] == pytest.approx((2 * 3 / 4 * 8e6 + 3 * 1e3) / 200e9)
    assert found["latency"] == pytest.approx(11 * 4e-6)
    assert found["at best"] == pytest.approx(1e-3 + found["links"] + found["latency"])


@pytest.mark.parametrize(("shape", "hops"), [("2x2", 4), ("2x4", 8), ("8x8", 28), ("16x16", 32)])
def test_hops_along_both_sides_and_back(shape, hops):
    assert scale.hops(shape) == hops


def test_at_the_batch_from_which_many_chips_pay_both_take_the_same_time():
    fixed, each, chips = 100.0, 2.0, 8  # megabytes of a step, and of an example in it
    small, large = (row(batch=b, megabytes=fixed + each * b, gigaflop=0.0) for b in (128, 512))
    many = row(chips=chips, batch=1024, collectives=SUMMED)
    found = scale.pays_from(small, large, many, 1e-6)

    for case, batch in found.items():

        def seconds(share, case=case, **more):
            return scale.seconds(row(megabytes=fixed + each * share, gigaflop=0.0, **more), 1e-6)[case]

        assert seconds(batch) == pytest.approx(seconds(batch / chips, chips=chips, collectives=SUMMED))


def test_the_table_has_a_line_for_each_number_of_chips():
    one = row() | {"seconds": scale.seconds(row(), 1e-6), "pays_from": None}
    line = scale.table([one]).splitlines()[2]
    assert [cell.strip() for cell in line.strip("|").split("|")] == [
        *("ladder", "1", "128", "1.97", "1,638", "0", "0"),
        *("0.01", "1.00-2.00", "0.00", "0.00", "1.00-2.00", "128,000-256,000", "-"),
    ]


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ({"chips": (1, 3)}, "any of 1, 4, 8, 16, 32, 64, 128, 256, got 1, 3"),
        ({"chips": (4, 8)}, "chips must be 1"),
        ({"latency": -1.0}, "latency must not be negative"),
    ],
)
def test_slices_that_do_not_exist_are_refused(flags, sentence):
    with pytest.raises(ValueError, match=sentence):
        scale.Config(**flags).check()


def test_every_slice_is_one_that_the_compiler_is_asked_for():
    assert {f"v5e:{shape}" for shape in scale.SLICES.values()} <= set(targets.TOPOLOGIES["tpu"])
