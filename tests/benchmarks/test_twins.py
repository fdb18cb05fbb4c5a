"""PyTorch's side; skipped where PyTorch is not installed."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxvae import losses

torch = pytest.importorskip("torch")

from benchmarks import feeds, processes, proof, rows, throughput, twin_losses, weights  # noqa: E402
from benchmarks.contestants import Contestant  # noqa: E402
from benchmarks.flags import Config  # noqa: E402
from benchmarks.networks import make_images  # noqa: E402
from benchmarks.opponent import Opponent, matmul_rate  # noqa: E402
from benchmarks.twins import make_twin  # noqa: E402
from benchmarks.workloads import BANDWIDTHS, WORKLOADS, Game  # noqa: E402

SMALL = dataclasses.replace(WORKLOADS["conv"], image_shape=(18, 18, 3), widths=(4, 5, 6), latent_sizes=(2,))
DEEP = dataclasses.replace(WORKLOADS["horses"], image_shape=(21, 21, 3), widths=(4, 5), latent_sizes=(3,))


AUTOENCODER = dataclasses.replace(
    WORKLOADS["aae"], image_shape=(18, 18, 3), widths=(4, 5, 6), game=Game(widths=(7, 8))
)
FACES = dataclasses.replace(
    WORKLOADS["vaegan"],
    image_shape=(18, 18, 3),
    widths=(4, 5),
    latent_sizes=(3,),
    game=Game(widths=(3, 4, 5), hidden=6, feature_layer=2, gamma=0.3),
)
PENALIZED = dataclasses.replace(FACES, game=dataclasses.replace(FACES.game, norm=False, penalty=10.0))


@pytest.mark.parametrize(
    "workload",
    [WORKLOADS["ladder"], SMALL, DEEP, AUTOENCODER, FACES, PENALIZED],
    ids=["ladder", *(f"{name}, odd sizes" for name in ("plain", "deep", "aae", "vaegan", "penalty"))],
)
def test_twin_is_the_same_function(workload):
    found = proof.prove(workload)
    assert found["passed"]
    assert found["parameters"] == found["torch_parameters"]
    assert max(found["loss_difference"], found["gradient_difference"], found["worst_tensor"]) <= 1e-4


def test_a_twin_that_does_something_else_is_found(monkeypatch):
    monkeypatch.setattr(proof, "DRAWS", 1)
    monkeypatch.setattr(weights, "load", lambda twin, params: None)
    assert not proof.prove(SMALL)["passed"]


def test_a_gradient_that_is_not_a_number_is_found(monkeypatch):
    solve = proof.solve

    def spoiled(workload, problem):
        value, gradient = solve(workload, problem)
        leaves, tree = jax.tree.flatten(gradient)
        return value, tree.unflatten([*leaves[:-1], leaves[-1] + np.nan])

    monkeypatch.setattr(proof, "DRAWS", 1)
    monkeypatch.setattr(proof, "solve", spoiled)
    assert not proof.prove(SMALL)["passed"]


def test_resident_batches_keep_the_images_memory_format():
    images = torch.zeros(6, 3, 4, 5, dtype=torch.uint8)
    for given in (images, images.contiguous(memory_format=torch.channels_last)):
        batch = next(feeds.resident(given, 2))
        assert batch.shape == (2, 3, 4, 5)
        assert batch.stride()[1:] == given.stride()[1:]


def test_flops_are_those_of_the_layers():
    twin = make_twin(SMALL)
    n, image = 4, torch.rand(4, 3, 18, 18)
    products = [
        (9 * 9 * 4 * 16 * 3, 2),  # no gradient of the image
        (5 * 5 * 5 * 16 * 4, 3),
        (3 * 3 * 6 * 16 * 5, 3),
        (3 * 3 * 6 * 4, 3),
        (2 * 3 * 3 * 6, 3),
        (3 * 3 * 6 * 16 * 5, 3),
        (5 * 5 * 5 * 16 * 4, 3),
        (9 * 9 * 4 * 16 * 3, 3),
    ]
    expected = sum(2 * n * size * times for size, times in products)
    assert proof.count_flops(twin, image, [torch.zeros(n, 2)], []) == expected


def test_flops_of_the_penalty_are_without_products_with_zeros():
    """Forward, its gradient to the image, and the derivatives of that by the kernel and by what comes from above."""
    n, per_example = 4, []
    for penalty in (0.0, 10.0):
        game = Game(widths=(3,), hidden=4, norm=False, penalty=penalty)
        twin = make_twin(dataclasses.replace(FACES, image_shape=(8, 8, 1), game=game))
        draws = [torch.zeros(n, 3), torch.rand(n, 1)]
        per_example.append(proof.count_flops(twin, torch.rand(n, 1, 8, 8), [torch.zeros(n, 3)], draws) / n)
    convolution, hidden, verdict = 4 * 4 * 3 * 16, 4 * 4 * 3 * 4, 4
    fakes, multiply_and_add = 2, 2
    expected = 4 * (convolution + hidden) + 3 * verdict  # nothing lies above the verdict
    assert per_example[1] - per_example[0] == fakes * multiply_and_add * expected


def test_deep_twin_mirrors_the_sizes_and_sums_its_parameters():
    twin = make_twin(WORKLOADS["horses"])
    assert twin.bottleneck == (256, 4, 4)
    latents = [torch.zeros(2, 1024)]
    assert twin.decode(latents).shape == (2, 3, 96, 96)
    copied = [layer.padding for layer in twin.unstages if isinstance(layer, torch.nn.ReplicationPad2d)]
    assert copied == [(0, 1, 0, 1)]


def test_terms_have_the_values_of_ours():
    rng = np.random.default_rng(0)
    a, b = (rng.uniform(size=(3, 16, 16, 2)).astype(np.float32) for _ in range(2))
    there = [torch.from_numpy(x).permute(0, 3, 1, 2) for x in (a, b)]
    found = twin_losses.ssim(*there, twin_losses.make_band(16))
    np.testing.assert_allclose(found, losses.ssim(jnp.asarray(a), jnp.asarray(b)).mean(), rtol=1e-5)
    np.testing.assert_allclose(
        twin_losses.colour_distance(*there),
        losses.colour_distance(jnp.asarray(a), jnp.asarray(b)).mean(),
        rtol=1e-5,
    )
    x, y = (rng.normal(size=(7, 3)).astype(np.float32) for _ in range(2))
    found = twin_losses.mmd2(torch.from_numpy(x), torch.from_numpy(y))
    np.testing.assert_allclose(
        found, losses.mmd2(jnp.asarray(x), jnp.asarray(y), kernel=losses.rbf(*BANDWIDTHS)), atol=1e-6
    )


@pytest.fixture
def _subnormals():
    """What a process of the benchmark flushes once and for all."""
    yield
    torch.set_flush_denormal(False)


@pytest.mark.usefixtures("_subnormals")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("precision", "channels_last", "mode"),
    [
        ("float32", False, None),
        ("float32", True, None),
        ("bfloat16", False, None),
        ("bfloat16", True, None),
        ("float32", False, "reduce-overhead"),
    ],
)
def test_opponent_learns_and_waits_for_the_device(monkeypatch, precision, channels_last, mode):
    monkeypatch.setitem(WORKLOADS, "conv", dataclasses.replace(WORKLOADS["conv"], widths=(4, 4, 4)))
    contestant = Contestant(
        side="torch",
        model="conv",
        batch_size=8,
        precision=precision,
        device="cpu",
        threads=1,
        channels_last=channels_last,
        compile=mode,
    )
    waits = []
    opponent = Opponent(
        contestant, np.array(make_images(WORKLOADS["conv"])), synchronize=lambda: waits.append(1)
    )
    pixels = next(opponent._batches)
    before = opponent._loss(pixels).item()
    assert opponent.run(30) > 0
    assert len(waits) == 2
    assert opponent._loss(pixels).item() < 0.9 * before
    assert opponent.peak_memory() is None


@pytest.mark.usefixtures("_subnormals")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("compiled", [None, "default"])
@pytest.mark.parametrize(
    ("workload", "player"), [(AUTOENCODER, "reconstruction"), (PENALIZED, "discriminator")]
)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_opponents_players_learn(monkeypatch, workload, player, precision, compiled):
    monkeypatch.setitem(WORKLOADS, "small", workload)
    contestant = Contestant(
        side="torch",
        model="small",
        batch_size=8,
        precision=precision,
        device="cpu",
        threads=1,
        compile=compiled,
    )
    opponent = Opponent(contestant, np.array(make_images(workload, examples=64)))
    pixels = next(opponent._batches)
    before = opponent._loss(pixels)
    assert opponent.run(40) > 0
    after = opponent._loss(pixels)
    assert set(after) == set(opponent._twin.players)
    assert all(p.grad.stride() == p.stride() for p in opponent._twin.parameters()), "fused Adam needs that"
    assert after[player].item() < before[player].item()


@pytest.mark.parametrize("workers", [None, 0])
def test_an_epoch_of_either_feed_shows_every_image_once(workers):
    images = torch.arange(12, dtype=torch.uint8).view(12, 1)
    feed = feeds.resident(images, 3) if workers is None else feeds.loaded(images, 3, workers, "cpu")
    first, second = (torch.cat([next(feed) for _ in range(4)]).flatten().tolist() for _ in range(2))
    assert sorted(first) == sorted(second) == list(range(12))
    assert first != second


def test_matmul_rate_is_positive_and_finite():
    assert 1e6 < matmul_rate("float32", "cpu", 128, 2) < 1e15


def test_a_small_run_in_real_processes(monkeypatch, tmp_path, capsys):
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    for name in ("ours", "opponents"):
        every = getattr(rows, name)
        fewer = lambda *given, every=every: every(*given)[:1]  # noqa: E731
        monkeypatch.setattr(rows, name, fewer)
    monkeypatch.setattr(rows, "with_loaders", lambda best: [])
    monkeypatch.setattr(rows, "SIZES", {"cpu": (128,)})
    monkeypatch.setattr(throughput, "ask", lambda question, *rest: _answers(question, *rest))
    out = tmp_path / "out.json"
    throughput.main(
        Config(out=out, model=("conv",), batch_size=(8,), starts=2, rounds=1, seconds=0.05, threads=1)
    )
    (row,) = json.loads(out.read_text())["rows"]
    assert set(row["torch_ms"]) == {"eager"}
    assert row["ours_variant"] == "jaxvae"
    assert row["ratio_low"] <= row["ratio"] <= row["ratio_high"]
    assert min(row["ours_ms"], row["floor_ms"], *row["peak_bytes"].values()) > 0
    assert row["failed"] == {}
    assert "jaxvae *" in capsys.readouterr().out


def _answers(question, *rest):
    """The proof has a test of its own."""
    if "prove" in question:
        return {
            "passed": True,
            "flops": 1000,
            "parameters": 1,
            "torch_parameters": 1,
            "draws": 1,
        } | dict.fromkeys(("loss_difference", "gradient_difference", "worst_tensor"), 0.0)
    return processes.ask(question, *rest)
