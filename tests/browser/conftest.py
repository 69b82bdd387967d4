"""Pages in headless Chromium. `.ci/browser` installs what they need and runs these tests."""

import shutil

import pytest

SIZES = {"wide": (1400, 900), "narrow": (390, 800)}


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium; skips the test where it or its driver is not installed."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Chromium is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


class Opened:
    """A page that is ready; when it closes it must have had no errors and asked the network for nothing."""

    def __init__(self, browser, path, size="wide", scheme="light"):
        width, height = SIZES[size]
        self.context = browser.new_context(
            color_scheme=scheme, viewport={"width": width, "height": height}, offline=True
        )
        self.path, self.problems = path, []

    def __enter__(self):
        page = self.context.new_page()
        page.on("console", self.hear)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("request", self.see)
        page.goto(self.path.as_uri())
        page.wait_for_selector("html[data-ready]", timeout=60_000)
        return page

    def hear(self, message):
        if message.type in ("error", "warning"):
            self.problems.append(message.text)

    def see(self, request):
        if not request.url.startswith(("file:", "data:", "blob:")):
            self.problems.append(request.url)

    def __exit__(self, *error):
        self.context.close()
        assert error[0] is not None or self.problems == []


@pytest.fixture
def opened(browser):
    """Open a page: `with opened(path, size, scheme) as page`."""
    return lambda path, size="wide", scheme="light": Opened(browser, path, size, scheme)


@pytest.fixture
def serious_findings():
    """What axe finds serious or critical on a page."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")

    def find(page):
        return [
            (found["id"], [node["html"][:200] for node in found["nodes"]])
            for found in axe.Axe().run(page).response["violations"]
            if found["impact"] in ("serious", "critical")
        ]

    return find
