"""The output of a run for its readers: figures, results.json and one self-contained report.html.

This room works on NumPy arrays, dicts and its own records; it does not depend on models or training.
"""

import jaxvae.report.backend  # noqa: F401  # before anything imports Matplotlib
from jaxvae.records import Record, read_records
from jaxvae.report.accuracy_curves import Series, accuracy_curves, percent
from jaxvae.report.bars import bars
from jaxvae.report.blocks import Block, Details, Heading, Paragraph, Picture, Table, picture
from jaxvae.report.captions import captioned
from jaxvae.report.catalogue import columns, curve_columns, family
from jaxvae.report.column import Column
from jaxvae.report.contrasts import Contrast, Contrasts, contrast_blocks
from jaxvae.report.curves import curves
from jaxvae.report.embeddings import embedding
from jaxvae.report.frame import Frame
from jaxvae.report.galleries import Traversal, comparison, traversal
from jaxvae.report.images import image_grid
from jaxvae.report.ladder import Levels, level_blocks, level_columns, variant_blocks
from jaxvae.report.ladder_graph import ladder_graph
from jaxvae.report.lines import lines
from jaxvae.report.model_views import ModelView, distance_blocks, model_blocks
from jaxvae.report.moments import moments
from jaxvae.report.orders import compare_orders, spearman
from jaxvae.report.page import write_page
from jaxvae.report.planes import CodePlane, code_planes
from jaxvae.report.results import Row, Summary, summarize, write_results
from jaxvae.report.style import save
from jaxvae.report.tables import to_html, to_markdown
from jaxvae.report.verdicts import Goal, compare_means, failed, few_seeds

__all__ = [
    "Block",
    "CodePlane",
    "Column",
    "Contrast",
    "Contrasts",
    "Details",
    "Frame",
    "Goal",
    "Heading",
    "Levels",
    "ModelView",
    "Paragraph",
    "Picture",
    "Record",
    "Row",
    "Series",
    "Summary",
    "Table",
    "Traversal",
    "accuracy_curves",
    "bars",
    "captioned",
    "code_planes",
    "columns",
    "compare_means",
    "compare_orders",
    "comparison",
    "contrast_blocks",
    "curve_columns",
    "curves",
    "distance_blocks",
    "embedding",
    "failed",
    "family",
    "few_seeds",
    "image_grid",
    "ladder_graph",
    "level_blocks",
    "level_columns",
    "lines",
    "model_blocks",
    "moments",
    "percent",
    "picture",
    "read_records",
    "save",
    "spearman",
    "summarize",
    "to_html",
    "to_markdown",
    "traversal",
    "variant_blocks",
    "write_page",
    "write_results",
]
