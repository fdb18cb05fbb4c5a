"""The report of a run as one HTML file without scripts or references to other files or hosts.

It follows the reader's light or dark setting; figures keep a white background.
"""

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from jaxvae.files import write_atomically
from jaxvae.report.blocks import Block, Details


def write_page(
    path: str | os.PathLike[str],
    *,
    title: str,
    intro: str,
    blocks: Sequence[Block],
    command: str,
    wall_seconds: float | int,
    training_seconds: float | int,
    environment: Mapping[str, object],
    config: Mapping[str, Any],
) -> Path:
    """Writes report.html atomically.

    Args:
        path: file to write.
        title: name of the report, the page's heading.
        intro: the experiment and its outcome in a few plain sentences.
        blocks: the page's content, top to bottom.
        command: the command line that repeats the run.
        wall_seconds: duration of the run in seconds, compilation and report included.
        training_seconds: how much of it went by in training.
        environment: machine, devices, versions and the like; name -> value.
        config: the resolved configuration; values without a JSON form are shown as text.

    Returns:
        The path written.

    Raises:
        ValueError: a picture's file is not a PNG.
    """
    facts = {
        "Wall time": f"{_duration(wall_seconds)}, {_duration(training_seconds)} of it for training",
        **environment,
    }
    setting = Details(
        title="Configuration", text=json.dumps(config, indent=2, default=str, ensure_ascii=False)
    )
    page = _PAGE.format(
        style=_STYLE,
        title=escape(title),
        intro=escape(intro),
        command=escape(command),
        facts="\n".join(
            f"<dt>{escape(name)}</dt><dd>{escape(_text(fact))}</dd>" for name, fact in facts.items()
        ),
        blocks="\n".join(block.html() for block in blocks),
        config=setting.html(),
    )
    return write_atomically(path, page.encode())


def _text(fact: object) -> str:
    """A fact as it is written; of a list, what is in it several times once, with its number."""
    if not isinstance(fact, list | tuple):
        return str(fact)
    counted = Counter(map(str, fact)).items()
    return ", ".join(f"{count} x {each}" if count > 1 else each for each, count in counted)


def _duration(seconds: float | int) -> str:
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min {rest} s" if hours else f"{minutes} min {rest} s"


_STYLE = """
:root { color-scheme: light dark; --ground: #fff; --ink: #1c1e21; --soft: #5b6168; --line: #d9dce0;
  --panel: #f4f5f7; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #16181b; --ink: #e6e8ea; --soft: #a3a9b0; --line: #3a3f45; --panel: #212428; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 1rem/1.55 system-ui, sans-serif;
  -webkit-text-size-adjust: 100%; }
main { max-width: 60rem; margin: 0 auto; padding: 1rem 1rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 1rem 0; overflow-wrap: break-word; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .75rem; padding-top: .5rem; border-top: 1px solid var(--line); }
p, figcaption, .notes { max-width: 44rem; }
figcaption, .notes, dt { color: var(--soft); font-size: .9rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; padding: .75rem; border-radius: .4rem;
  background: var(--panel); font: .85rem/1.5 ui-monospace, monospace; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; margin: 1rem 0; }
dd { margin: 0; overflow-wrap: anywhere; }
figure { margin: 1.5rem 0; }
img { display: block; max-width: min(100%, 44rem); height: auto; padding: .35rem; border-radius: .4rem;
  background: #fff; border: 1px solid var(--line); }
figcaption { margin-top: .5rem; }
.scroll { overflow-x: auto; margin: 1.5rem 0 .5rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding-bottom: .5rem; }
th, td { padding: .4rem .55rem; border-bottom: 1px solid var(--line); text-align: right;
  white-space: nowrap; }
thead th { vertical-align: bottom; font-size: .9rem; white-space: normal; min-width: 5rem; }
th[scope="row"] { text-align: left; position: sticky; left: 0; background: var(--ground); }
.notes { margin: 0; padding-left: 1.2rem; }
details { margin: 1rem 0; }
summary { cursor: pointer; margin-bottom: .5rem; }
"""

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p>{intro}</p>
{blocks}
<h2>How this was made</h2>
<pre>{command}</pre>
<dl>
{facts}
</dl>
{config}
</main>
</body>
</html>
"""
