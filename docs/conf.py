"""Sphinx settings of the documentation site. Build it with ``python docs/build.py``."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "_extensions"), str(HERE.parent)]

import skdistmass  # noqa: E402 -- this checkout, not an installed one

project = "skdistmass"
author = "The skdistmass developers"
copyright = "The skdistmass developers, BSD 3-Clause"
release = version = skdistmass.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "sphinx_design",
    "sphinx_copybutton",
    "mathml",
    "generated_pages",
    "package_map",
    "try_page",
]
exclude_patterns = ["_build", "gallery/sg_execution_times.rst", "sg_execution_times.rst"]
suppress_warnings = [
    "toc.empty_glob",  # pages that another part of the project adds
    "config.cache",  # the gallery's sort key is a function
]
templates_path = ["_templates"]
default_role = "py:obj"
highlight_language = "text"

myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 4

autosummary_generate = True
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say it, with shapes and units
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

sphinx_gallery_conf = {
    "examples_dirs": ["../examples"],
    "gallery_dirs": ["gallery"],
    "filename_pattern": "/plot_",
    "ignore_pattern": r"/making/|dask_gridsearch",
    "within_subsection_order": "gallery_order.by_story",
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "capture_repr": (),
    "plot_gallery": "--no-examples" not in sys.argv,
    "reference_url": {"skdistmass": None},
    "doc_module": ("skdistmass",),
    "backreferences_dir": "generated/backreferences",
}

html_theme = "pydata_sphinx_theme"
html_title = "skdistmass"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_show_sourcelink = False
html_math_renderer = "mathml"
html_theme_options = {
    "show_prev_next": True,
    "collapse_navigation": True,
    "navigation_with_keys": False,
    "header_links_before_dropdown": 6,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_context = {"default_mode": "auto"}
html_sidebars = {"index": []}


def _skip_foreign_members(app, what, name, obj, skip, options):
    """Leave out what scikit-learn documents: its pages are better, and its links lead nowhere here."""
    module = getattr(obj, "__module__", None) or getattr(getattr(obj, "fget", None), "__module__", None)
    if what == "class" and module is not None and not str(module).startswith("skdistmass"):
        return True
    return None


def setup(app):
    """Register what is done while the pages are read."""
    app.connect("autodoc-skip-member", _skip_foreign_members)
