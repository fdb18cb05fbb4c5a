"""The blocks that a report page consists of. Each renders itself as HTML, with all text escaped."""

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
        """Renders the block as a self-contained HTML fragment."""
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
    """Results, with published values beside the obtained ones.

    Attributes:
        rows: the results.
        columns: metrics to show; those that no row has are dropped.
        caption: title of the table.
    """

    rows: Sequence[Row]
    columns: Sequence[Column]
    caption: str

    def __post_init__(self) -> None:
        """Drops the columns that no row has."""
        object.__setattr__(self, "columns", filled_columns(self.rows, self.columns))

    def html(self) -> str:
        """Renders the table and the notes below it."""
        return to_html(self.rows, self.columns, caption=self.caption)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A PNG, embedded in the page.

    Attributes:
        path: the file, read when the page is written.
        caption: text below the picture.
        alt: text for readers who cannot see the picture.
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
            raise ValueError(f"a report embeds PNG files, but {self.path} is none; write it with save.")
        width, height = struct.unpack(">II", content[16:24])
        data = base64.b64encode(content).decode()
        return (
            f'<figure>\n<img src="data:image/png;base64,{data}" width="{width}" height="{height}" '
            f'alt="{escape(self.alt)}">\n<figcaption>{escape(self.caption)}</figcaption>\n</figure>'
        )


def picture(
    path: str | os.PathLike[str], figure: Figure | UInt8[np.ndarray, "h w 3"], caption: str
) -> Picture:
    """Writes a PNG and makes a block of it, with the caption as its alternative text.

    Args:
        path: file to write; missing folders are made.
        figure: a figure, or an image, written pixel by pixel.
        caption: text below the picture.

    Returns:
        The block.
    """
    return Picture(path=save(path, figure), caption=caption, alt=caption)


@dataclass(frozen=True, kw_only=True)
class Details:
    """Text that a reader can unfold.

    Attributes:
        title: the visible line.
        text: preformatted text.
    """

    title: str
    text: str

    def html(self) -> str:
        """Renders a closed disclosure."""
        return (
            f"<details>\n<summary>{escape(self.title)}</summary>\n<pre>{escape(self.text)}</pre>\n</details>"
        )
