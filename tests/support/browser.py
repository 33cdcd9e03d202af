"""A system Chromium with a page open in it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium")
ARGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
AUDIT = Path(__file__).with_name("audit.js").read_text(encoding="utf-8")  # evaluates to a list of complaints
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on the PATH")


@contextmanager
def browser() -> Iterator[Any]:
    """Chromium, to open pages in."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGS))
        yield chromium
        chromium.close()


class Visit:
    """A page from a file, and what went on in it.

    Attributes:
        page: Playwright's.
        requests: the addresses that it asked for.
        errors: what went wrong in its scripts.
    """

    def __init__(self, chromium: Any, file: Path, width: int = 1280, scheme: str = "light") -> None:
        context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.page = context.new_page()
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.page.set_default_timeout(5_000)
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._note)
        self.page.goto(file.as_uri())
        self.wait("document.getElementById('letter').textContent !== ''")

    def _note(self, message: Any) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def text(self, selector: str) -> str:
        found: str = self.page.inner_text(selector)
        return found

    def wait(self, condition: str) -> None:
        """Until a JavaScript expression is true. Playwright's own way needs eval, which the page forbids itself."""
        for _ in range(400):
            if self.page.evaluate(condition):
                return
            self.page.wait_for_timeout(25)
        raise AssertionError(f"still not: {condition}")

    def settle(self) -> None:
        """Two frames, after which what was changed is drawn."""
        self.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def close(self) -> None:
        self.page.context.close()
