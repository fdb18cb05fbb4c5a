"""PyTorch's ways from a data set to batches of uint8 images on the device."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler


class Images(Dataset):
    """Images, indexed by lists of numbers: one gather for a whole batch.

    Args:
        images: uint8, [n, ...].
    """

    def __init__(self, images: Tensor) -> None:
        self.images = images

    def __len__(self) -> int:
        """Number of images."""
        return len(self.images)

    def __getitem__(self, numbers: list[int]) -> Tensor:
        """A batch."""
        return self.images[numbers]


def resident(images: Tensor, batch_size: int) -> Iterator[Tensor]:
    """Endless batches, gathered on the device in a fresh order each epoch, in the images' own memory format."""
    channels_last = images.is_contiguous(memory_format=torch.channels_last)
    rows = images.permute(0, 2, 3, 1) if channels_last else images  # what index_select returns is contiguous
    while True:
        order = torch.randperm(len(images), device=images.device)
        for row in order[: len(images) // batch_size * batch_size].view(-1, batch_size):
            batch = rows.index_select(0, row)
            yield batch.permute(0, 3, 1, 2) if channels_last else batch


def loaded(images: Tensor, batch_size: int, workers: int, device: str) -> Iterator[Tensor]:
    """Endless batches from a DataLoader, gathered in main memory."""
    rows = BatchSampler(RandomSampler(Images(images)), batch_size, drop_last=True)
    loader: DataLoader[Tensor] = DataLoader(
        Images(images),
        sampler=rows,
        batch_size=None,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=device == "cuda",
    )
    while True:
        for batch in loader:
            yield batch.to(device, non_blocking=True)
