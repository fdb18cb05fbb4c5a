"""PyTorch twins of the adversarial autoencoder and the VAE-GAN: one pass for all players, a gradient for each.

Images are float in [0, 1], [n, channels, height, width].
"""

import math
from abc import abstractmethod
from collections.abc import Mapping
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.twin_base import Down, Twin, Up, full
from benchmarks.twin_losses import kl_normal
from benchmarks.workloads import Game, Workload

_SLOPE = 0.2


class GameTwin(Twin):
    """Encoder, decoder and discriminator.

    Args:
        workload: sizes.
        outputs: of the encoder.

    Attributes:
        players: the parameters that each player moves, by name; several players may move the same ones.
        judged_channels: channels of the image that the discriminator flattens; 0 if it sees codes.
    """

    players: dict[str, list[nn.Parameter]]
    judged_channels: int = 0

    def __init__(self, workload: Workload, outputs: int) -> None:
        super().__init__()
        side, _, channels = workload.image_shape
        widths, (latent,) = workload.widths, workload.latent_sizes
        sizes = [side]
        for _ in widths:
            sizes.append((sizes[-1] + 1) // 2)
        self.bottleneck = (widths[-1], sizes[-1], sizes[-1])
        flat = math.prod(self.bottleneck)
        stages = [Down(c, w, s) for c, w, s in zip((channels, *widths), widths, sizes[:-1], strict=False)]
        self.encoder = nn.Sequential(*stages, nn.Flatten(), nn.Linear(flat, outputs))
        self.decoder = nn.Sequential(
            nn.Linear(latent, flat, bias=False),
            nn.Unflatten(1, self.bottleneck),
            nn.BatchNorm2d(widths[-1]),
            nn.ReLU(),
        )
        for (below, width), size in zip(pairwise(widths[::-1]), sizes[-2:0:-1], strict=True):
            self.decoder.extend([Up(below, width, size), nn.BatchNorm2d(width), nn.ReLU()])
        self.decoder.append(Up(widths[0], channels, side, bias=True))

    def decode(self, latents: list[Tensor], *, channels_last: bool = False) -> Tensor:
        """Logits of the mean image."""
        return full(self.decoder(latents[0]))

    @abstractmethod
    def play(self, image: Tensor, noise: list[Tensor], draws: list[Tensor]) -> dict[str, Tensor]:
        """The outputs that the losses need, in float32."""

    @abstractmethod
    def losses(self, played: Mapping[str, Tensor], image: Tensor) -> dict[str, Tensor]:
        """Loss of each player, from what `play` returns."""

    def gradients(self, losses: Mapping[str, Tensor]) -> dict[str, tuple[Tensor, ...]]:
        """Gradient of each player's loss with respect to the parameters that it moves, all at the same point."""
        last = list(losses)[-1]
        return {
            name: torch.autograd.grad(loss, self.players[name], retain_graph=name != last)
            for name, loss in losses.items()
        }


class AAETwin(GameTwin):
    """The adversarial autoencoder with a deterministic encoder.

    Args:
        workload: sizes.
    """

    def __init__(self, workload: Workload) -> None:
        super().__init__(workload, workload.latent_sizes[0])
        sizes = (workload.latent_sizes[0], *cast(Game, workload.game).widths)
        self.discriminator = nn.Sequential()
        for below, size in pairwise(sizes):
            self.discriminator.extend([nn.Linear(below, size), nn.LeakyReLU(_SLOPE)])
        self.discriminator.append(nn.Linear(sizes[-1], 1))
        encoder, decoder = list(self.encoder.parameters()), list(self.decoder.parameters())
        self.players = {
            "reconstruction": encoder + decoder,
            "regularization": encoder,
            "discriminator": list(self.discriminator.parameters()),
        }

    def encode(self, image: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """The code, and standard deviations of 0."""
        code = full(self.encoder(image))
        return [code], [torch.zeros_like(code)]

    def play(self, image: Tensor, noise: list[Tensor], draws: list[Tensor]) -> dict[str, Tensor]:
        """Logits, and the discriminator's logits on draws from the prior and on codes."""
        (code,), _ = self.encode(image)
        return {
            "logits": self.decode([code]),
            "real": full(self.discriminator(draws[0])),
            "fake": full(self.discriminator(code)),
        }

    def losses(self, played: Mapping[str, Tensor], image: Tensor) -> dict[str, Tensor]:
        """Reconstruction, regularization, and the discriminator's."""
        likelihood = functional.binary_cross_entropy_with_logits(played["logits"], image, reduction="sum")
        return {
            "reconstruction": likelihood / len(image),
            "regularization": functional.softplus(-played["fake"]).mean(),
            "discriminator": functional.softplus(-played["real"]).mean()
            + functional.softplus(played["fake"]).mean(),
        }


class _Leaky(nn.Module):
    """Leaky ReLU whose second derivative, 0, costs nothing; `nn.LeakyReLU` sends zeros through all layers below."""

    def forward(self, x: Tensor) -> Tensor:
        """Multiplies by a slope that has no derivative."""
        return x * torch.where(x > 0, 1.0, _SLOPE).to(x.dtype)


class ImageDiscriminator(nn.Module):
    """Convolutions 4x4 of stride 2, with BatchNorm but for the first if the game has it, and two dense layers.

    Args:
        image_shape: (height, width, channels).
        game: its sizes.
    """

    def __init__(self, image_shape: tuple[int, int, int], game: Game) -> None:
        super().__init__()
        size, _, channels = image_shape
        leaky = _Leaky() if game.penalty else nn.LeakyReLU(_SLOPE)
        self.stages = nn.ModuleList()
        for number, width in enumerate(game.widths):
            odd = [nn.ZeroPad2d((0, size % 2, 0, size % 2))] if size % 2 else []
            norm = [nn.BatchNorm2d(width)] if number and game.norm else []
            conv = nn.Conv2d(channels, width, 4, stride=2, padding=1, bias=not norm)
            self.stages.append(nn.Sequential(*odd, conv, *norm, leaky))
            channels, size = width, (size + 1) // 2
        flat = channels * size * size
        self.head = nn.Sequential(
            nn.Flatten(), nn.Linear(flat, game.hidden), leaky, nn.Linear(game.hidden, 1)
        )
        self.feature_layer = game.feature_layer

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """The discriminator's logit of each image, and its features."""
        h, features = image, image
        for number, stage in enumerate(self.stages, start=1):
            h = stage(h)
            if number == self.feature_layer:
                features = h
        return full(self.head(h)), full(features).flatten(1)


class VAEGANTwin(GameTwin):
    """The VAE-GAN.

    Args:
        workload: sizes.
    """

    def __init__(self, workload: Workload) -> None:
        super().__init__(workload, 2 * workload.latent_sizes[0])
        game = cast(Game, workload.game)
        self.gamma, self.penalty, self.judged_channels = game.gamma, game.penalty, game.widths[-1]
        self.discriminator = ImageDiscriminator(workload.image_shape, game)
        parts = {"encoder": self.encoder, "decoder": self.decoder, "discriminator": self.discriminator}
        self.players = {name: list(part.parameters()) for name, part in parts.items()}

    def encode(self, image: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Mean and standard deviation."""
        mean, raw = full(self.encoder(image)).chunk(2, dim=1)
        return [mean], [torch.exp(raw / 2)]

    def play(self, image: Tensor, noise: list[Tensor], draws: list[Tensor]) -> dict[str, Tensor]:
        """Posteriors, and the discriminator's outputs for images, reconstructions and samples, as one batch."""
        (mean,), (stddev,) = self.encode(image)
        fakes = torch.sigmoid(self.decode([torch.cat([mean + stddev * noise[0], draws[0]])]))
        verdicts, features = self.discriminator(torch.cat([image, fakes]))
        real, reconstructed, sampled = verdicts.chunk(3)
        seen, again, _ = features.chunk(3)
        played = {
            "mean": mean,
            "stddev": stddev,
            "real": real,
            "reconstructed": reconstructed,
            "sampled": sampled,
            "features": seen,
            "features_again": again,
        }
        if self.penalty:
            played["slopes"] = self.slopes(image, fakes, draws[1])
        return played

    def slopes(self, image: Tensor, fakes: Tensor, shares: Tensor) -> Tensor:
        """Norms of the gradient of the discriminator's logit between images and both kinds of fakes.

        Args:
            image: [n, c, h, w].
            fakes: [2n, c, h, w], reconstructions and samples.
            shares: [n, 1], of the image in the point between.

        Returns:
            [2n].
        """
        share = torch.cat([shares, shares])[:, :, None, None]
        between = (share * torch.cat([image, image]) + (1 - share) * fakes).detach()
        # PyTorch compiles this together with its own gradient; through `autograd.grad` it has no second one.
        gradient = torch.func.grad(lambda x: self.discriminator(x)[0].sum())(between)
        return torch.sqrt(full(gradient).square().flatten(1).sum(1) + 1e-12)

    def losses(self, played: Mapping[str, Tensor], image: Tensor) -> dict[str, Tensor]:
        """Algorithm 1 with a generator that does not saturate, and the discriminator's gradient penalty if any."""
        n, softplus = len(image), functional.softplus
        kl = kl_normal(played["mean"], played["stddev"]) / n
        like = 0.5 * (played["features"] - played["features_again"]).square().sum() / n
        fakes = played["reconstructed"], played["sampled"]
        deceiving = softplus(-fakes[0]).mean() + softplus(-fakes[1]).mean()
        judging = softplus(-played["real"]).mean() + softplus(fakes[0]).mean() + softplus(fakes[1]).mean()
        if self.penalty:
            judging = judging + self.penalty * (played["slopes"] - 1).square().mean()
        return {
            "encoder": kl + like,
            "decoder": self.gamma * like + deceiving,
            "discriminator": judging,
        }


GAME_TWINS = {"aae": AAETwin, "vaegan": VAEGANTwin}
"""Twin of each family with several players."""
