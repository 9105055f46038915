"""One arena: draws trials, keeps them before they are shown, and takes answers."""

import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import final

import numpy as np

from openlpm.bench.arena.case import Case
from openlpm.bench.arena.choosing import Chooser
from openlpm.bench.arena.entry import Entry, require_distinct
from openlpm.bench.arena.question import Choice, Question
from openlpm.bench.arena.showing import BrokenClip, Projector, Showing
from openlpm.bench.arena.trial import TRUTH, Trial
from openlpm.bench.arena.votes import VoteStore

_log = logging.getLogger(__name__)
_AHEAD = 2
"""Trials of a rater that are ready: the one that is shown, and the next."""
_REMEMBERED = 256
"""Trials whose files need not be looked for again."""


@final
class Arena:
    """What the page talks to; may be used from any thread.

    Raises:
        ConfigError: fewer than two submissions, or two of one name.
        InputError: two that share no case, or a folder that cannot be written.
    """

    def __init__(
        self,
        store: VoteStore,
        cases: Mapping[str, Case],
        entries: Sequence[Entry],
        *,
        clips: Path,
        truth: Entry | None = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        """``clips``: the folder where what is shown is kept."""
        require_distinct(entries)
        # Own copies: a video that turns out to be broken is taken out of them.
        self._videos = {entry.name: dict(entry.videos) for entry in entries}
        if truth is not None:
            self._videos[TRUTH] = dict(truth.videos)
            truth = Entry(name=TRUTH, videos=self._videos[TRUTH])
        mine = [replace(entry, videos=self._videos[entry.name]) for entry in entries]
        self._store, self._lock = store, Lock()
        self._shows: OrderedDict[str, Showing] = OrderedDict()
        self._chooser = Chooser(cases, mine, store.study, truth=truth, rng=rng)
        self._projector = Projector(
            clips, cases, {entry.name: entry for entry in mine}, truth, native=store.study.native
        )

    def next(self, rater: str) -> tuple[Trial, Showing] | None:
        """The trial that a rater is to answer now, ready to be shown; None: there is nothing left for this rater."""
        while True:
            trials = self._waiting(rater, at_least=1)
            if not trials:
                return None
            showing = self._shown(trials[0])
            if showing is not None:
                return trials[0], showing

    def prepare(self, rater: str) -> None:
        """Draw a rater's next trial while the present one is looked at, and make its clips."""
        for trial in self._waiting(rater, at_least=_AHEAD):
            self._shown(trial)

    def shown(self, key: str) -> Showing | None:
        """The files of a trial by its id; None: there is no such trial."""
        trial = self._store.trial(key)
        return None if trial is None or not self._projector.can_show(trial) else self._shown(trial)

    def answer(self, key: str, answers: Mapping[Question, Choice], *, replays: int, ms: int) -> bool:
        """See ``VoteStore.answer``."""
        return self._store.answer(key, answers, replays=replays, ms=ms)

    def answered(self, rater: str) -> int:
        """Trials that a rater has answered."""
        return self._store.num_answered(rater)

    def _waiting(self, rater: str, *, at_least: int) -> list[Trial]:
        """Trials that a rater has not answered and that can be shown."""
        with self._lock:
            waiting = [trial for trial in self._store.unanswered(rater) if self._projector.can_show(trial)]
            while len(waiting) < at_least:
                trial = self._chooser.draw(rater, self._store.votes(), waiting)
                if trial is None:
                    break
                self._store.add(trial)
                waiting.append(trial)
            return waiting

    def _shown(self, trial: Trial) -> Showing | None:
        """None: a video of it is broken, and no trial will show it any more."""
        with self._lock:
            known = self._shows.get(trial.id)
        if known is not None:
            return known
        try:
            showing = self._projector.show(trial)
        except BrokenClip as broken:
            with self._lock:
                self._videos[broken.system].pop(broken.case, None)
            _log.warning("a clip cannot be shown", extra={"case": broken.case, "reason": str(broken)})
            return None
        with self._lock:
            self._shows[trial.id] = showing
            if len(self._shows) > _REMEMBERED:
                self._shows.popitem(last=False)
        return showing
