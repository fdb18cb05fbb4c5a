import base64
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from jaxvae.report import (
    Column,
    Details,
    Frame,
    Heading,
    Paragraph,
    Picture,
    Row,
    Table,
    image_grid,
    save,
    summarize,
    write_page,
)

VOID = {"meta", "img", "br", "hr", "link", "input"}


class Page(HTMLParser):
    """Collects a page's elements and text, and fails on tags that do not balance."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.texts = [], [], {}
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def png(tmp_path):
    return save(tmp_path / "figures" / "grid.png", image_grid(np.zeros((6, 4, 4, 1)), columns=3))


def write(path, blocks, **changes):
    facts = {
        "title": "A <report>",
        "intro": "Loss & gain.",
        "command": "python -m toy --name 'a<b'",
        "wall_seconds": 702.4,
        "training_seconds": 600,
        "environment": {"Machine": "two <cores>", "jax": "0.10"},
        "config": {"widths": [64, 128], "workdir": path.parent, "name": "</details>"},
    }
    return write_page(path, blocks=blocks, **{**facts, **changes}).read_text(encoding="utf-8")


@pytest.fixture
def text(tmp_path, png):
    column = Column(key="ssim", title="SSIM", better="higher", note="Similarity.")
    row = Row(name="with", metrics=summarize([{"ssim": 0.7}, {"ssim": 0.8}]), published={"ssim": 0.6})
    blocks = [
        Heading("Results <1>"),
        Table(rows=[row], columns=[column], caption="Scores"),
        Paragraph("See <script>alert(1)</script> https://example.org"),
        Picture(path=png, caption="Six <digits>", alt='a "grid"'),
        Details(title="Log", text="line <1>\nline 2"),
    ]
    return write(tmp_path / "report.html", blocks)


def test_page_is_well_formed_and_complete(text):
    page = Page(text)
    assert text.startswith("<!DOCTYPE html>")
    assert page.all("html") == [{"lang": "en"}]
    assert page.texts["title"] == page.texts["h1"] == ["A <report>"]
    assert page.texts["h2"] == ["Results <1>", "How this was made"]
    assert page.texts["td"] == ["0.750 ± 0.071", "0.600"]
    assert page.texts["p"] == ["Loss & gain.", "See <script>alert(1)</script> https://example.org"]
    assert page.texts["dt"] == ["Wall time", "Machine", "jax"]
    assert page.texts["dd"] == ["11 min 42 s, 10 min 0 s of it for training", "two <cores>", "0.10"]
    assert page.texts["summary"] == ["Log", "Configuration"]
    log, command, config = page.texts["pre"]
    assert log == "line <1>\nline 2"
    assert command == "python -m toy --name 'a<b'"
    assert '"name": "</details>"' in config


def test_page_refers_to_nothing_outside_itself(text):
    page = Page(text)
    assert not {"script", "link", "iframe", "object", "base"} & {tag for tag, _ in page.elements}
    for _, attributes in page.elements:
        for name in ("src", "href", "srcset", "action"):
            assert attributes.get(name, "data:").startswith("data:")
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL).group(1)
    assert "url(" not in style
    assert "@import" not in style


def test_page_adapts_to_phone_and_to_dark(text):
    page = Page(text)
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.all("meta")
    assert "@media (prefers-color-scheme: dark)" in text
    assert "class" in page.all("div")[0]
    assert page.all("div")[0]["class"] == "scroll"


def test_picture_is_carried_whole_with_its_size_and_alternative_text(text, png):
    (image,) = Page(text).all("img")
    assert base64.b64decode(image["src"].removeprefix("data:image/png;base64,")) == png.read_bytes()
    assert (image["width"], image["height"], image["alt"]) == ("14", "9", 'a "grid"')
    assert Page(text).texts["figcaption"] == ["Six <digits>"]


def test_a_file_that_is_no_png_is_refused_and_the_former_page_kept(tmp_path):
    path = tmp_path / "report.html"
    before = write(path, [])
    (tmp_path / "figure.png").write_bytes(b"GIF89a")
    with pytest.raises(ValueError, match=r"figure\.png is none"):
        write(path, [Picture(path=tmp_path / "figure.png", caption="", alt="")])
    assert path.read_text(encoding="utf-8") == before


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 0 s"),
        (60, "1 min 0 s"),
        (3599.6, "1 h 0 min 0 s"),
        (7325, "2 h 2 min 5 s"),
    ],
)
def test_wall_time_reads_as_a_clock(tmp_path, seconds, expected):
    assert f"<dd>{expected}, 10 min 0 s of it for training</dd>" in write(
        tmp_path / "report.html", [], wall_seconds=seconds
    )


def test_a_notebook_shows_a_page_whole_and_apart_from_itself(tmp_path):
    path = tmp_path / "report.html"
    text = write(path, [Paragraph('<b> & "quotes"')])
    page = Page(Frame(path, height=321)._repr_html_())
    ((tag, frame),) = page.elements
    assert tag == "iframe"
    assert frame["srcdoc"] == text
    assert "height: 321px" in frame["style"]
    assert "src" not in frame


def test_a_notebook_is_told_that_there_is_no_page(tmp_path):
    with pytest.raises(
        ValueError, match=r"there is no page .*report\.html; a run writes its own when it ends"
    ):
        Frame(tmp_path / "report.html")


def test_devices_are_counted(tmp_path):
    devices = [*["tpu: TPU v5 lite"] * 8, "cpu: cpu"]
    page = Page(write(tmp_path / "report.html", [], environment={"devices": devices, "jax": "0.10"}))
    assert page.texts["dd"][1:] == ["8 x tpu: TPU v5 lite, cpu: cpu", "0.10"]
