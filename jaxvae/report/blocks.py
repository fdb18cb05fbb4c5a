"""What a report page is made of. Each block turns itself into HTML, with all text escaped."""

import base64
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8
from matplotlib.figure import Figure

from jaxvae.report.column import Column
from jaxvae.report.results import Row
from jaxvae.report.style import save
from jaxvae.report.tables import filled_columns, to_html

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@runtime_checkable
class Block(Protocol):
    """A part of a page."""

    def html(self) -> str:
        """Renders the block as an HTML fragment that refers to nothing outside itself."""
        ...


@dataclass(frozen=True)
class Heading:
    """Starts a section.

    Attributes:
        text: the section's title.
    """

    text: str

    def html(self) -> str:
        """Renders a second-level heading."""
        return f"<h2>{escape(self.text)}</h2>"


@dataclass(frozen=True)
class Paragraph:
    """Running text.

    Attributes:
        text: plain text.
    """

    text: str

    def html(self) -> str:
        """Renders a paragraph."""
        return f"<p>{escape(self.text)}</p>"


@dataclass(frozen=True, kw_only=True)
class Table:
    """Results, published beside obtained.

    Attributes:
        rows: the results.
        columns: metrics to show; those that no row has are dropped.
        caption: what the table shows.
    """

    rows: Sequence[Row]
    columns: Sequence[Column]
    caption: str

    def __post_init__(self) -> None:
        """Drops the columns that no row has."""
        object.__setattr__(self, "columns", filled_columns(self.rows, self.columns))

    def html(self) -> str:
        """Renders the table and the sentences that explain it."""
        return to_html(self.rows, self.columns, caption=self.caption)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A PNG, carried inside the page.

    Attributes:
        path: the file, read when the page is written.
        caption: what there is to see, below the picture.
        alt: the same for who cannot see it.
    """

    path: str | os.PathLike[str]
    caption: str
    alt: str

    def html(self) -> str:
        """Renders a figure with its caption.

        Raises:
            ValueError: the file is not a PNG.
        """
        content = Path(self.path).read_bytes()
        if not content.startswith(_PNG_SIGNATURE):
            raise ValueError(f"a report carries PNG files, but {self.path} is none; write it with save.")
        width, height = struct.unpack(">II", content[16:24])
        data = base64.b64encode(content).decode()
        return (
            f'<figure>\n<img src="data:image/png;base64,{data}" width="{width}" height="{height}" '
            f'alt="{escape(self.alt)}">\n<figcaption>{escape(self.caption)}</figcaption>\n</figure>'
        )


def picture(
    path: str | os.PathLike[str], figure: Figure | UInt8[np.ndarray, "h w 3"], caption: str
) -> Picture:
    """Writes a PNG and makes it a block, for which the caption speaks too where it cannot be seen.

    Args:
        path: file to write, in folders that are made if missing.
        figure: a figure, or an image, written pixel by pixel.
        caption: what there is to see.

    Returns:
        The block.
    """
    return Picture(path=save(path, figure), caption=caption, alt=caption)


@dataclass(frozen=True, kw_only=True)
class Details:
    """Text that a reader unfolds.

    Attributes:
        title: what is inside.
        text: preformatted text.
    """

    title: str
    text: str

    def html(self) -> str:
        """Renders a closed disclosure."""
        return (
            f"<details>\n<summary>{escape(self.title)}</summary>\n<pre>{escape(self.text)}</pre>\n</details>"
        )
