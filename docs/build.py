"""Build the documentation site, with warnings as errors.

Run ``python docs/build.py [FOLDER]`` in an environment with ``pip install ".[docs]"``; the pages are in
``docs/_build/html`` by default. Every link inside of the site is followed, so that none leads nowhere.
"""

from __future__ import annotations

import argparse
import html.parser
import os
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

DOCS = Path(__file__).resolve().parent


class _Page(html.parser.HTMLParser):
    """Links and anchors of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src", "xlink:href") and value:
                self.links.append(value)
            elif name in ("id", "name") and value:
                self.anchors.add(value)


def broken_links(folder: Path) -> list[str]:
    """Follow the links between the pages of a site.

    Parameters
    ----------
    folder : Path
        The built site.

    Returns
    -------
    list of str
        Page and link of each one that leads to no file, or to no place in its page.
    """
    pages = {path: _Page(path) for path in sorted(folder.rglob("*.html")) if "_static" not in path.parts}
    broken = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            lost = not target.exists()
            if not lost and parts.fragment and target in pages:
                lost = unquote(parts.fragment) not in pages[target].anchors
            if lost:
                broken.append(f"{path.relative_to(folder)}: {link}")
    return broken


def main() -> int:
    """Build the site.

    Returns
    -------
    int
        0 if nothing is wrong with it.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", nargs="?", type=Path, default=DOCS / "_build" / "html")
    parser.add_argument("--no-examples", action="store_true", help="do not run the examples")
    parser.add_argument("--fresh", action="store_true", help="read every page again")
    options = parser.parse_args()
    from sphinx.cmd.build import build_main

    os.environ.setdefault("MPLBACKEND", "Agg")
    settings = ["-W", "--keep-going", "-q", "-b", "html", "-d", str(options.output.with_name("doctrees"))]
    settings += ["-E", "-a"] if options.fresh else []
    failed = build_main([*settings, str(DOCS), str(options.output)])
    broken = broken_links(options.output)
    for line in broken:
        sys.stdout.write(f"broken link: {line}\n")
    if not failed and not broken:
        sys.stdout.write(f"built {options.output / 'index.html'}\n")
    return int(bool(failed or broken))


if __name__ == "__main__":
    sys.exit(main())
