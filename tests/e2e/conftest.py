"""What tests of the page stand on: the server in a process of its own, a real browser, and somebody who looks at it."""

import base64
import contextlib
import io
import time
import wave
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from openlpm.engine.card import read_card

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    # Without a microphone a browser hides its addresses behind names that nobody answers for here.
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
BLANK = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PATIENCE_S = 60.0
"""For a machine on which everybody works at once."""
PAINTED = "document.querySelector('canvas.picture').toDataURL()"
SPOKEN_S, PAUSE_S = 3.0, 1.5
WORDS = (
    "Good morning to you. I walked along the river today, and there was nobody but me and the ducks. "
    "They were not afraid at all, so I sat down, and told them everything about my week."
)
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Card:
    """What a test card in the page says."""

    number: int
    own: float
    partner: float


class Visit:
    """A page that somebody looks at; what it complains of is kept."""

    def __init__(self, page: Any, url: str) -> None:
        self.page = page
        self.url = url
        self.complaints: list[str] = []
        page.set_default_timeout(1000 * PATIENCE_S)
        page.on("console", lambda told: told.type in ("error", "warning") and self.complaints.append(told.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self) -> None:
        self.page.goto(self.url)
        self.page.wait_for_selector(".card img")

    def start(self) -> None:
        """From the gallery to the first picture of a conversation."""
        self.open()
        self.page.get_by_role("button", name="Start talking").click()
        self.wait_for_pictures()

    def wait_for_pictures(self) -> None:
        shown = self.page.locator(".stage[data-phase=live].shown")
        self.until(lambda: shown.count() == 1, "the first picture")

    def until(self, look: Callable[[], Found | None], what: str, patience_s: float = PATIENCE_S) -> Found:
        """Look until there is something to see."""
        give_up_s = time.monotonic() + patience_s
        while time.monotonic() < give_up_s:
            found = look()
            if found:
                return found
            self.page.wait_for_timeout(40)
        raise AssertionError(f"not within {patience_s} s: {what}; the page says:\n{self.page.inner_text('body')}")

    def picture(self) -> NDArray[np.uint8]:
        """What is painted now, (256, 256, 3)."""
        encoded = self.page.evaluate(PAINTED).split(",")[1]
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGB"))

    def card(self) -> Card | None:
        """The card that is painted now; None: it cannot be read."""
        read = read_card(self.picture())
        return None if read is None else Card(*read)

    def card_that(self, fits: Callable[[Card], bool], what: str, patience_s: float = PATIENCE_S) -> Card:
        """The first card that fits."""

        def look() -> Card | None:
            card = self.card()
            return card if card is not None and fits(card) else None

        return self.until(look, what, patience_s)

    def write(self, text: str, *, mode: str = "Ask") -> None:
        """Type into the text box and send it."""
        self.page.get_by_role("radiogroup", name="What happens with your words").get_by_text(mode).click()
        self.page.get_by_role("textbox", name="say" if mode != "Ask" else "Ask").fill(text)
        self.page.keyboard.press("Enter")

    def lines(self, who: str) -> list[str]:
        """What the transcript says that ``user`` or ``agent`` said."""
        return self.page.locator(f".line.{who} span:not(.unseen)").all_inner_texts()

    def level(self) -> float:
        """How loud the character's voice is in the page, as its ring of light shows it."""
        return float(self.page.evaluate("document.querySelector('.stage').style.getPropertyValue('--level') || '0'"))

    def travels_by(self) -> str:
        """How pictures and sound come, as the live numbers say."""
        numbers = self.page.locator("details.numbers")
        if numbers.get_attribute("open") is None:
            numbers.locator("summary").click()
        return self.until(lambda: numbers.locator("dt:text-is('By') + dd").inner_text().strip("–"), "live numbers")


@pytest.fixture(scope="session")
def speech() -> NDArray[np.float32]:
    """Speech at 16 kHz from a synthesiser, some ten seconds."""
    pytest.importorskip("espeakng_loader", reason="needs a synthesiser: pip install 'openlpm[tts]'")
    from openlpm.synth.sound.espeak import Synthesiser
    from openlpm.synth.sound.voices import Voice

    said_A = Synthesiser().say(WORDS, Voice(language="en-us", variant="m3")).samples_A
    return 0.7 * said_A / np.abs(said_A).max()


@pytest.fixture(scope="session")
def microphone(tmp_path_factory: pytest.TempPathFactory, speech: NDArray[np.float32]) -> Path:
    """What the browser's microphone hears, again and again: speech, then nothing."""
    path = tmp_path_factory.mktemp("microphone") / "speech.wav"
    spoken_A = speech[: round(16_000 * SPOKEN_S)]
    heard_A = np.concatenate([spoken_A, np.zeros(round(16_000 * PAUSE_S), np.float32)])
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((32_767 * heard_A).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="module")
def serve(repository: Path) -> Callable[[Sequence[str]], AbstractContextManager[Any]]:
    """Runs ``openlpm serve`` with these options, in a process of its own and with the offline agent."""
    pytest.importorskip("fastapi", reason="needs the server: pip install 'openlpm[live]'")
    pytest.importorskip("aiortc", reason="needs the server: pip install 'openlpm[live]'")
    from openlpm.bench.live.host import hosted

    return lambda options: hosted(["--agent", "offline", *options], {"PYTHONPATH": str(repository / "src")})


# For a module, not for all: while a browser is driven, nothing else of this thread may run an event loop.
@pytest.fixture(scope="module")
def browser(microphone: Path) -> Generator[Any]:
    """A headless Chromium with a microphone that nobody has allowed yet."""
    driver = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install 'openlpm[dev]'")
    if not CHROMIUM.exists():
        pytest.skip(f"no browser: {CHROMIUM} is missing (Debian: apt install chromium)")
    with driver.sync_playwright() as playwright:
        heard = f"--use-file-for-fake-audio-capture={microphone}"
        running = playwright.chromium.launch(executable_path=str(CHROMIUM), args=[*FLAGS, heard])
        try:
            yield running
        finally:
            running.close()


@pytest.fixture
def visit(browser: Any) -> Callable[..., AbstractContextManager[Visit]]:
    """Opens a page of a server; ``hears`` allows the microphone, ``before`` is run in the page before its own code."""

    @contextlib.contextmanager
    def come(host: Any, *, hears: bool = False, before: str = "", expected: str = "\0") -> Generator[Visit]:
        context = browser.new_context(accept_downloads=True, permissions=["microphone"] if hears else [])
        try:
            # Visit after visit would ask for more portraits than the server gives to one address in a minute.
            context.route("**/api/characters/*.webp", lambda route: route.fulfill(body=BLANK, content_type="image/png"))
            page = context.new_page()
            if before:
                page.add_init_script(before)
            guest = Visit(page, host.url)
            yield guest
        finally:
            context.close()
        assert [text for text in guest.complaints if expected not in text] == []

    return come
