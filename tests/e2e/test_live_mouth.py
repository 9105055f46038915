"""The page in a real browser with the model of the package: whose turn it is can be seen by the mouth."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from openlpm.bench.live.mouths import jaws
from openlpm.bench.live.visitor import Seen
from openlpm.bench.reading import load_judges

pytestmark = [pytest.mark.e2e, pytest.mark.long]

STORY = (
    "I would like to tell you about the sea. My family has lived by the sea for a very long time, and every morning "
    "we go down to the beach before breakfast, and look for shells, and talk about what the day will bring to us. "
    "When the weather is bad we stay at home, and my brother makes a fire, and everybody tells a story about a ship."
)
ACTIVITY = "document.querySelector('.stage').dataset.activity"
PICTURES = 30
SETTLES_S = 0.7
"""State and pictures come by different ways, and a mouth takes a moment to close."""
PATIENCE_S = 120.0
CLOSED = 0.12
"""Jaw as the critic reads it; half open is above .3."""


def pictures_while(guest: Any, activity: str, before: Callable[[], None] = lambda: None) -> list[NDArray[np.uint8]]:
    """Pictures of moments at which the server had reported this state for a while, and went on to."""
    found: list[NDArray[np.uint8]] = []
    since_s: float | None = None
    give_up_s = time.monotonic() + PATIENCE_S
    while len(found) < PICTURES:
        assert time.monotonic() < give_up_s, f"{len(found)} pictures of {activity!r} within {PATIENCE_S} s"
        before()
        if guest.page.evaluate(ACTIVITY) != activity:
            since_s = None
        elif since_s is None:
            since_s = time.monotonic()
        elif time.monotonic() - since_s > SETTLES_S:
            picture_HWC = guest.picture()
            held = bool(found) and np.array_equal(found[-1], picture_HWC)  # of a machine that is late
            if guest.page.evaluate(ACTIVITY) == activity and not held:
                found.append(picture_HWC)
        guest.page.wait_for_timeout(60)
    return found


def test_the_mouth_moves_while_the_character_speaks_and_is_still_while_it_listens(
    serve: Callable[[Sequence[str]], AbstractContextManager[Any]],
    visit: Callable[..., AbstractContextManager[Any]],
) -> None:
    with serve(["--sessions", "1"]) as host, visit(host, hears=True) as guest:
        guest.start()
        listening = pictures_while(guest, "listen")
        guest.page.keyboard.press("m")
        guest.page.get_by_role("button", name="Unmute").wait_for()
        told_s = -PATIENCE_S

        def tell() -> None:
            nonlocal told_s
            if guest.page.evaluate(ACTIVITY) == "idle" and time.monotonic() - told_s > 5.0:
                guest.write(STORY, mode="Make it say")
                told_s = time.monotonic()

        speaking = pictures_while(guest, "speak", tell)
    judges = load_judges(torch.device("cpu"))
    still_F, moving_F = (jaws(judges, [Seen(0.0, each) for each in seen]) for seen in (listening, speaking))
    low, high = np.quantile(still_F, 0.9), np.quantile(moving_F, 0.75)
    told = f"jaw of 9 in 10 while listening {low:.3f}, of 1 in 4 while speaking {high:.3f}"
    assert low < CLOSED, told
    assert high > low + 0.03, told  # a speaking mouth closes, too
    assert moving_F.std() > 2 * still_F.std(), told
    # The chance that of two pictures the speaking one has the wider mouth; one half is no difference.
    assert (moving_F[:, None] > still_F[None]).mean() > 0.65, told
