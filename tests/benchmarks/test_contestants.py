import json

import pytest

from benchmarks.contestants import PAGE_KEEPING, Contestant, opponents, ours, with_loaders


def base(device):
    return Contestant(
        side="ours", model="ladder", batch_size=128, precision="float32", device=device, threads=2
    )


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        ("cpu", {"eager", "compile"}),
        ("gpu", {"eager", "compile", "compile reduce-overhead"}),
        ("tpu", set()),
    ],
)
def test_every_mode_runs_in_both_memory_formats_and_with_each_allocator(device, expected):
    found = [c.name for c in opponents(base(device))]
    allocators = ["", ", kept pages"] if device == "cpu" else [""]
    formats = ["", ", channels_last"]
    assert sorted(found) == sorted(m + f + a for m in expected for f in formats for a in allocators)
    assert all(c.side == "torch" for c in opponents(base(device)))


@pytest.mark.parametrize(("device", "count"), [("cpu", 4), ("gpu", 2), ("tpu", 2)])
def test_ours_is_offered_the_same_allocators(device, count):
    found = ours(base(device), (1, 8))
    assert len(found) == count
    assert {c.replicas for c in found} == {1, 8}
    assert {c.keep_pages for c in found} == {c.keep_pages for c in opponents(base(device))} | {False}


def test_allocator_settings_reach_the_process_of_both_sides():
    for contestant in ours(base("cpu"), (1,)) + opponents(base("cpu")):
        assert (PAGE_KEEPING.items() <= contestant.environment.items()) == contestant.keep_pages


@pytest.mark.parametrize(("device", "platform"), [("cpu", "cpu"), ("gpu", "cuda"), ("tpu", "tpu")])
def test_environment_names_jax_platform_and_threads(device, platform):
    variables = base(device).environment
    assert variables["JAX_PLATFORMS"] == platform
    assert variables["OMP_NUM_THREADS"] == "2"
    assert variables["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"


def test_loaders_change_nothing_but_the_feed():
    best = opponents(base("gpu"))[3]
    assert [c.loader_workers for c in with_loaders(best)] == [0, 2]
    assert [c.name for c in with_loaders(best)] == [f"{best.name}, DataLoader {n}" for n in (0, 2)]


def test_a_contestant_survives_json():
    contestant = opponents(base("gpu"))[-1]
    assert Contestant(**json.loads(json.dumps(contestant.record()))) == contestant
