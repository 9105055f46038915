"""The arena's page in a real browser: a trial by keyboard alone, votes in the file, and a server that is killed."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs the server: pip install 'openlpm[live]'")

from openlpm.bench.arena.question import Choice, Question
from openlpm.bench.arena.votes import VoteStore
from support.arena import Served, write_bench, write_submission

pytestmark = pytest.mark.e2e

PATIENCE_MS = 90_000
ANSWERABLE = "document.querySelectorAll('fieldset:disabled').length === 0 && document.querySelector('.trial') !== null"
TIMES = "[...document.querySelectorAll('.clip video')].map((video) => video.currentTime)"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("arena")
    cases = write_bench(folder / "bench", ("S", "S", "L", "L", "T"))
    for name, shade in (("zebra", 40), ("quagga", 200)):
        write_submission(folder / name, name, cases, shade=shade)
    return folder


def arena(folder: Path, repository: Path, votes: str, *more: str) -> Served:
    systems = [str(folder / "zebra"), str(folder / "quagga")]
    options = ["--bench", str(folder / "bench"), "--votes", str(folder / votes), "--clips", str(folder / "clips")]
    return Served(folder, [*systems, *options, *more], repository / "src")


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page whose complaints fail the test, but for a server that is gone."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE_MS)
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda told: told.type in ("error", "warning") and complaints.append(told.text))
    try:
        yield opened
    finally:
        context.close()
    assert [told for told in complaints if "ERR_CONNECTION" not in told] == []


def until(page: Any, expression: str) -> None:
    """Look until an expression is true; the page's own rules forbid a browser to do the waiting."""
    give_up_s = time.monotonic() + PATIENCE_MS / 1_000
    while not page.evaluate(expression):
        assert time.monotonic() < give_up_s, f"never true: {expression}; the page says:\n{page.inner_text('body')}"
        page.wait_for_timeout(40)


def count_of(page: Any) -> int:
    """Trials that were answered, as the page says."""
    return int(page.locator(".count").inner_text().split()[0] if page.locator(".count").inner_text() else 0)


def watch(page: Any) -> None:
    """Play by keyboard, with the sound of both in turn, until the question can be answered."""
    page.wait_for_selector(".trial h1")
    page.keyboard.press("m")
    for _ in range(6):
        page.keyboard.press(" ")
        until(page, "document.querySelector('.play').title === 'Play'")
        if page.evaluate(ANSWERABLE):
            return
    raise AssertionError(page.inner_text("body"))


def answer(page: Any, key: str = "1") -> str:
    """Answer every question of the trial and go on; the heading that was answered."""
    heading = page.inner_text("h1")
    before = count_of(page)
    for _ in range(page.locator("fieldset").count()):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    until(page, f"parseInt(document.querySelector('.count').innerText) === {before + 1}")
    return str(heading)


def test_a_trial_by_keyboard_alone_ends_as_a_vote_on_disk(page: Any, folder: Path, repository: Path) -> None:
    with arena(folder, repository, "keys.sqlite") as running:
        page.goto(running.url)
        # Tab to the button that begins, past the link that skips.
        for _ in range(8):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.textContent") == "Begin":
                break
        page.keyboard.press("Enter")
        page.wait_for_selector(".trial h1")
        assert page.evaluate("document.activeElement.tagName") == "H1"
        assert page.evaluate("[...document.querySelectorAll('.clip video')].every((video) => video.muted)")
        page.keyboard.press("1")
        assert page.locator("input:checked[name]:not([name=sound])").count() == 0, "nothing can be answered unseen"
        watch(page)
        answer(page, "3")
        store = VoteStore(folder / "keys.sqlite")
        (vote, *_rest) = store.votes()
        assert vote.choice is Choice.RIGHT
        assert vote.ms > 900
        store.close()
        # The next trial by the browser's own means: arrows in the radio group, Tab, Enter on the button.
        watch(page)
        page.locator("fieldset input").first.focus()
        page.keyboard.press("ArrowRight")
        page.get_by_role("button", name="Next").focus()
        page.keyboard.press("Enter")
        until(page, "document.querySelector('.count').innerText.startsWith('2')")
        store = VoteStore(folder / "keys.sqlite")
        assert [vote.choice for vote in store.votes()] == [Choice.RIGHT, Choice.SAME]
        store.close()


def test_both_clips_play_the_same_moment_at_the_same_speed(page: Any, folder: Path, repository: Path) -> None:
    with arena(folder, repository, "sync.sqlite") as running:
        page.goto(running.url)
        page.get_by_role("button", name="Begin").click()
        page.wait_for_selector(".trial h1")
        page.keyboard.press("h")
        page.keyboard.press(" ")
        until(page, f"Math.min(...{TIMES}) > 0.3")
        left_s, right_s = page.evaluate(TIMES)
        # Three frames: one for each clip's own clock, one for a machine that is busy.
        assert abs(left_s - right_s) < 3 / 24
        rates = page.evaluate("[...document.querySelectorAll('.clip video')].map((video) => video.playbackRate)")
        assert all(abs(rate - 0.5) < 0.05 for rate in rates)
        page.keyboard.press("m")
        assert page.evaluate("[...document.querySelectorAll('.clip video')].map((video) => video.muted)") == [
            False,
            True,
        ]


def test_a_vote_that_meets_a_dead_server_is_kept_and_arrives_once(page: Any, folder: Path, repository: Path) -> None:
    with arena(folder, repository, "killed.sqlite") as running:
        page.goto(running.url)
        page.get_by_role("button", name="Begin").click()
        watch(page)
        answer(page)
        watch(page)
        running.kill()
        for _ in range(page.locator("fieldset").count()):
            page.keyboard.press("2")
        page.keyboard.press("Enter")
        page.get_by_text("The server does not answer").wait_for()
        running.start()
        until(page, "document.querySelector('.count').innerText.startsWith('2')")
        page.get_by_text("The server does not answer").wait_for(state="hidden")
        watch(page)
        answer(page)
    store = VoteStore(folder / "killed.sqlite")
    votes = store.votes()
    store.close()
    assert [vote.choice for vote in votes] == [Choice.LEFT, Choice.SAME, Choice.LEFT]
    assert len({vote.trial.id for vote in votes}) == 3
    assert len({vote.trial.rater for vote in votes}) == 1


def test_a_crowd_answers_two_questions_and_a_phone_shows_them_without_scrolling_sideways(
    browser: Any, folder: Path, repository: Path
) -> None:
    with arena(folder, repository, "crowd.sqlite", "--mode", "crowd") as running:
        context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(running.url)
        page.get_by_role("button", name="Begin").tap()
        watch(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        # All that is touched is as large as a finger.
        small = page.evaluate(
            "[...document.querySelectorAll('.trial button, .trial label')].filter((each) => each.offsetParent)"
            ".filter((each) => each.getBoundingClientRect().height < 36).map((each) => each.outerHTML)"
        )
        assert small == []
        page.get_by_role("button", name="Clip A alone, large").tap()
        assert not page.locator(".clip-B").is_visible()
        names = page.evaluate(
            "[...document.querySelectorAll('fieldset')].map((each) => each.querySelector('legend').textContent)"
        )
        assert len(names) == 2
        assert names[0].startswith("Which performance")
        answer(page, "0")
        context.close()
    store = VoteStore(folder / "crowd.sqlite")
    votes = store.votes()
    store.close()
    assert votes[0].question is Question.OVERALL
    assert [vote.choice for vote in votes] == [Choice.CANNOT_TELL] * 2
