"""Did it do what the text says? Matched filters for the motions of ``synth.actions``, with levels from rehearsals.

A filter is the action's own motion on its own channels, each in units of what it does anyway, at three speeds. It is
looked for in the whole clip, since most texts say no time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.bench.progress import phase
from openlpm.bench.rehearsal import Rehearsal, Rehearsed, Stage
from openlpm.bench.signals import FloatTrack
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.synth.act.acting import ActionCue, along
from openlpm.synth.act.actions import ACTION_NAMES, ACTIONS
from openlpm.synth.act.dialogue import ClipKind
from openlpm.synth.act.feelings import Course
from openlpm.synth.act.style import ClipStyle, draw_style

_STRETCHES = (0.88, 1.03, 1.2)
_MARGIN_FRAMES = 6
_LEAST_SPREAD = 0.05  # of a channel, so that one that never moves by itself does not count for everything
_LEAST_SEEN = 0.6  # share of an action's motion that the critic has to see
_LEVELS, _FALSE_ALARMS = (0.4, 0.55), 0.05
_WEAKER = 0.9  # than the weakest rehearsal may still pass
_HITS = 0.8  # share of rehearsed actions that must be found for an action to be scored
_FREE_CLIPS, _CLIPS_EACH, _FRAMES = 40, 6, 144
_NEXT_AFTER = 0.5  # of an action's length: the next one of a sequence may begin then


def acting_style(actions: Sequence[str], clip_seed: int) -> ClipStyle:
    """Somebody who waits and does these actions in this order; nobody is heard, so the mouth may act too.

    In no mood: who beams anyway cannot be seen to begin to smile.
    """
    acts = tuple(ActionCue(action=action) for action in actions)
    drawn = replace(draw_style(clip_seed), mood="neutral", course=Course.STEADY)
    return replace(drawn, kind=ClipKind.IDLE, actions=acts, disturbed=False)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ActionMatcher:
    """Finds actions in tracks whose gaze is in the room (``rehearsal.in_room``)."""

    spread_R: NDArray[np.float64]
    """How far each channel moves without any action, with what the critic adds."""
    slope_R: NDArray[np.float64]
    """Share of a movement that the critic sees."""
    levels: Mapping[str, float]
    """From what match on an action counts as done, of the actions that can be scored."""

    @staticmethod
    def rehearsed(stage: Stage) -> "ActionMatcher":
        """Levels from training people, as this critic would read them.

        At its level an action is found in at most 5 % of clips without it. An action that is then not found where it
        is, or whose motion the critic mostly does not see, is not scored.
        """
        free = stage.rehearse("no action", _FREE_CLIPS, _FRAMES, lambda _, seed: acting_style((), seed))
        matcher = ActionMatcher(spread_R=_spread(free), slope_R=stage.eyesight.slope_R, levels={})
        names = [name for name in ACTION_NAMES if matcher.seen_share(name) >= _LEAST_SEEN]
        acted = stage.rehearse_all(
            "actions",
            [
                Rehearsal(name, _CLIPS_EACH, _FRAMES, lambda _, seed, name=name: acting_style((name,), seed))
                for name in names
            ],
        )
        levels: dict[str, float] = {}
        with phase(stage.on_progress, "action matcher", len(names)) as report:
            for done, (name, clips) in enumerate(zip(names, acted, strict=True), start=1):
                misses = [matcher.best(one.read_FR, name) for one in free]
                alarm = float(np.quantile(misses, 1.0 - _FALSE_ALARMS))
                hits = np.array([matcher.best(one.read_FR, name) for one in clips])
                level = max(alarm, float(np.clip(_WEAKER * hits.min(), *_LEVELS)))
                if np.mean(hits >= level) >= _HITS:
                    levels[name] = level
                report(done)
        return replace(matcher, levels=levels)

    def seen_share(self, action: str) -> float:
        """How much of an action's motion the critic sees, 0 to 1; 0 where nothing moves."""
        motion_FC = _motion(action, 1.0) / self.spread_R[list(ACTIONS[action].motion)]
        whole = float(((motion_FC - motion_FC.mean(axis=0)) ** 2).sum())
        seen_FC = motion_FC * self.slope_R[list(ACTIONS[action].motion)]
        return float(((seen_FC - seen_FC.mean(axis=0)) ** 2).sum()) / whole if whole > 1e-9 else 0.0

    def match(self, read_FR: FloatTrack, action: str) -> NDArray[np.float64]:
        """How well the action fits if it begins in each frame, at most 1; -1 where it would not end in the clip.

        The correlation of all its channels together, scaled down where less is moved than the action asks for.
        """
        channels = list(ACTIONS[action].motion)
        if not np.isfinite(read_FR[:, channels]).all():
            return np.full(read_FR.shape[0], -1.0)
        pad = ((_MARGIN_FRAMES, _MARGIN_FRAMES), (0, 0))
        track_FC = np.pad(read_FR[:, channels], pad, mode="edge") / self.spread_R[channels]
        best_F = np.full(read_FR.shape[0], -1.0)
        for stretch in _STRETCHES:
            asked_WC = _motion(action, stretch) * (self.slope_R[channels] / self.spread_R[channels])
            asked_WC = asked_WC - asked_WC.mean(axis=0)
            power = float(np.sqrt((asked_WC**2).sum()))
            if power < 1e-9 or asked_WC.shape[0] > track_FC.shape[0]:
                continue
            seen_PCW = np.lib.stride_tricks.sliding_window_view(track_FC, asked_WC.shape[0], axis=0)
            seen_PCW = seen_PCW - seen_PCW.mean(axis=2, keepdims=True)
            product_P = np.tensordot(seen_PCW, asked_WC.T, axes=2)
            size_P = np.sqrt((seen_PCW**2).sum(axis=(1, 2)))
            fit_P = product_P / (power * np.maximum(size_P, power))
            count = min(fit_P.size, best_F.size)
            best_F[:count] = np.maximum(best_F[:count], fit_P[:count])
        return best_F

    def best(self, read_FR: FloatTrack, action: str) -> float:
        """The best match anywhere in the clip."""
        return float(self.match(read_FR, action).max())

    def scores(self, actions: Sequence[str]) -> bool:
        """Whether all of the actions can be scored."""
        return len(actions) > 0 and all(action in self.levels for action in actions)

    def done(self, read_FR: FloatTrack, actions: Sequence[str]) -> bool:
        """Whether all the actions are done, each after at least half of the one before."""
        earliest = 0
        for action in actions:
            found = np.flatnonzero(self.match(read_FR, action)[earliest:] >= self.levels[action])
            if found.size == 0:
                return False
            earliest += int(found[0] + _NEXT_AFTER * ACTIONS[action].length_s * FRAME_RATE_HZ)
        return True


def _motion(action: str, stretch: float) -> NDArray[np.float64]:
    """The action's own motion with a margin on either side, (W, C) in the order of its channels."""
    motion = ACTIONS[action].motion
    frames = int(np.ceil(ACTIONS[action].length_s * stretch * FRAME_RATE_HZ)) + 2 * _MARGIN_FRAMES
    times_W = (np.arange(frames, dtype=np.float64) + 0.5 - _MARGIN_FRAMES) / (FRAME_RATE_HZ * stretch)
    return np.stack([along(knots, times_W) for knots in motion.values()], axis=1)


def _spread(free: Sequence[Rehearsed]) -> NDArray[np.float64]:
    moved_SR = np.concatenate([one.read_FR - one.read_FR.mean(axis=0) for one in free])
    return np.sqrt(moved_SR.var(axis=0) + _LEAST_SPREAD**2)
