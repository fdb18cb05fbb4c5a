"""A written page inside a notebook."""

import os
from dataclasses import dataclass
from html import escape
from pathlib import Path


@dataclass(frozen=True)
class Frame:
    """Shows a page in a notebook, in a frame, so that the styles of page and notebook leave each other alone.

    The notebook keeps a copy of the page, and shows it also where the run is gone.

    Attributes:
        path: of the page, such as the report.html of a run.
        height: of the frame in pixels; the page scrolls within.
    """

    path: str | os.PathLike[str]
    height: int = 900

    def __post_init__(self) -> None:
        """Refuses a page that is not there.

        Raises:
            ValueError: there is no such file.
        """
        if not Path(self.path).is_file():
            raise ValueError(f"there is no page {self.path}; a run writes its own when it ends.")

    def _repr_html_(self) -> str:
        page = escape(Path(self.path).read_text(encoding="utf-8"))
        style = f"box-sizing: border-box; width: 100%; height: {self.height}px; border: 1px solid #d9dce0"
        return f'<iframe srcdoc="{page}" title="{escape(str(self.path))}" style="{style}"></iframe>'
