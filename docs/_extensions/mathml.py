"""Equations as MathML, which browsers draw and screen readers read without any script."""

from __future__ import annotations

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml


def _visit_inline(self, node: nodes.math) -> None:
    self.body.append(tex2mathml(node.astext(), as_block=False))
    raise nodes.SkipNode


def _visit_block(self, node: nodes.math_block) -> None:
    equation = tex2mathml(node.astext(), as_block=True)
    # It scrolls where the screen is narrow, and so the keyboard must reach it.
    self.body.append(
        f'<div class="equation" role="group" aria-label="equation" tabindex="0">{equation}</div>\n'
    )
    raise nodes.SkipNode


def setup(app) -> dict[str, bool]:
    """Add the renderer.

    Parameters
    ----------
    app : sphinx.application.Sphinx
        The application.

    Returns
    -------
    dict
        What Sphinx wants to know of an extension.
    """
    app.add_html_math_renderer("mathml", (_visit_inline, None), (_visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
