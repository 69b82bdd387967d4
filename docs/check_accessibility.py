"""Check the pages of the built site with axe, wide and narrow, light and dark.

Run ``python docs/check_accessibility.py [SITE]`` with Debian's package ``chromium`` and
``pip install playwright axe-playwright-python``. Findings of serious or critical impact fail.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PAGES = (
    "index.html",
    "start.html",
    "try.html",
    "tutorials.html",
    "how.html",
    "reference.html",
    "CONTRIBUTING.html",
    "columns.html",
    "clusters.html",
    "models.html",
    "gallery/index.html",
    "gallery/plot_own_masses.html",
    "generated/command.html",
    "generated/cards.html",
    "generated/api/skdistmass.MassRegressor.html",
)
SCREENS = {"wide": {"width": 1400, "height": 900}, "narrow": {"width": 390, "height": 800}}
BAD = ("serious", "critical")


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def _served(site: Path) -> Iterator[str]:
    """Serve a folder on this machine: axe reads style sheets by requests, which files do not answer."""
    handler = functools.partial(_Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def main() -> int:
    """Open each page and ask axe.

    Returns
    -------
    int
        0 if nothing serious was found and no page wrote to the console.
    """
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("site", nargs="?", type=Path, default=Path(__file__).parent / "_build" / "html")
    parser.add_argument("--shots", type=Path, help="folder for pictures of the pages")
    options = parser.parse_args()
    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    faults: list[str] = []

    def tell(fault: str) -> None:
        faults.append(fault)
        sys.stdout.write(f"{fault}\n")

    def listen(message: Any) -> None:
        if message.type == "error":
            tell(message.text)

    with _served(options.site) as address, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        for screen, size in SCREENS.items():
            for scheme in ("light", "dark"):
                page = browser.new_context(color_scheme=scheme, viewport=size).new_page()
                page.on("pageerror", lambda error: tell(str(error)))
                for name in PAGES:
                    page.on("console", listen)
                    page.goto(f"{address}/{name}", wait_until="load")
                    # Axe asks for style sheets at wrong addresses, which is no fault of the page.
                    page.remove_listener("console", listen)
                    for found in Axe().run(page).response["violations"]:
                        where = found["nodes"][0]["html"][:120]
                        line = f"{name} {screen} {scheme}: {found['impact']} {found['id']}: {where}"
                        if found["impact"] in BAD:
                            tell(line)
                        else:
                            sys.stdout.write(f"{line}\n")
                    if options.shots:
                        options.shots.mkdir(parents=True, exist_ok=True)
                        stem = name.replace("/", "-").removesuffix(".html")
                        page.screenshot(path=options.shots / f"{stem}-{screen}-{scheme}.png", full_page=True)
        browser.close()
    sys.stdout.write(f"{len(PAGES)} pages, {len(faults)} serious findings\n")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
