"""Make the pictures of the page for the README, with the model of the package and a real browser.

    python runs/page_pictures.py

Needs Chromium and playwright. They go to ``docs/images``: the gallery on a desktop, light; a conversation on a desktop,
dark; a conversation on a phone, light. ``--all`` makes every view in both colours and sizes.
"""

import argparse
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from PIL import Image
from playwright.sync_api import sync_playwright

from openlpm.bench.live.host import hosted

FOLDER = Path(__file__).parents[1] / "docs" / "images"
CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
)
SIZES: Final = {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}
QUESTION = "What are you?"
PATIENCE_MS = 120_000
MOST_BYTES = 120_000
DRAWN = """[...document.querySelectorAll("img")].every(
    (image) => image.complete || image.getBoundingClientRect().top > innerHeight
)"""
"""Every picture that is to be seen is there."""


@dataclass(frozen=True, slots=True)
class View:
    """One picture."""

    what: str
    """``gallery`` or ``talk``."""
    size: str
    colours: str

    @property
    def name(self) -> str:
        """Of its file."""
        return f"live-{self.what}-{self.size}-{self.colours}.webp"


README = (View("gallery", "desktop", "light"), View("talk", "desktop", "dark"), View("talk", "phone", "light"))
EVERY = tuple(
    View(what, size, colours) for what in ("gallery", "talk") for size in SIZES for colours in ("light", "dark")
)


@contextmanager
def opened(browser: Any, view: View, url: str) -> Iterator[Any]:
    """A page of the size and in the colours of a view, with all its portraits."""
    # Waiting for conditions in the page needs what its policy forbids to scripts.
    context = browser.new_context(
        viewport=SIZES[view.size], color_scheme=view.colours, reduced_motion="reduce", bypass_csp=True
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(url)
    page.wait_for_selector(".card img")
    page.wait_for_function(DRAWN)
    try:
        yield page
    finally:
        context.close()


def taken(page: Any, view: View) -> bytes:
    """The picture of a view, as PNG."""
    if view.what == "talk":
        page.get_by_role("button", name="Start talking").click()
        page.wait_for_selector(".stage[data-phase=live].shown")
        page.wait_for_function("document.querySelector('.line.agent')")
        for activity in ("speak", "idle"):  # the greeting; asked in the midst of it, it would be cut short
            page.wait_for_function(f"document.querySelector('.stage').dataset.activity === '{activity}'")
        page.locator(".notice").wait_for(state="hidden")  # that the microphone is not allowed
        page.get_by_role("textbox", name="Ask").fill(QUESTION)
        page.keyboard.press("Enter")
        page.get_by_text(QUESTION, exact=True).wait_for()
        page.wait_for_function("document.querySelector('.line.user ~ .line.agent')")
        page.wait_for_function("document.querySelector('.stage').dataset.activity === 'speak'")
        page.wait_for_function("Number(document.querySelector('.stage').style.getPropertyValue('--level')) > 0.4")
    return page.screenshot()


def save(png: bytes, path: Path) -> int:
    """As WebP of at most ``MOST_BYTES``; its size."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    for quality in (90, 80, 70, 60):
        picture.save(path, quality=quality, method=6)
        if path.stat().st_size <= MOST_BYTES:
            break
    return path.stat().st_size


def main() -> None:
    """Start a server and a browser, and look at one view after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="every view, both sizes, both colours")
    parser.add_argument("--out", type=Path, default=FOLDER)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with hosted(["--agent", "offline"]) as host, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for view in EVERY if args.all else README:
            with opened(browser, view, host.url) as page:
                print(view.name, save(taken(page, view), args.out / view.name), "bytes", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
