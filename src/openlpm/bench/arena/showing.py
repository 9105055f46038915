"""From a trial to the files that a rater sees, made once and kept in a folder."""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

from PIL import Image

from openlpm.bench.arena import clip
from openlpm.bench.arena.case import Case
from openlpm.bench.arena.clip import Voices, Window
from openlpm.bench.arena.entry import Entry
from openlpm.bench.arena.trial import TRUTH, Side, Trial
from openlpm.core.errors import InputError
from openlpm.media.picture import read_picture

LONGEST_S: Final = 30.0
"""Of longer cases a part is shown, the same on both sides."""
_MOST_HEIGHT = 720
_PARTNER_HEIGHT = 240
_REFERENCE_SIDE = 512
_BARS = 96
_FORM = 1
"""Of the files: another form is another file."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Showing:
    """What a trial looks like; ``files`` by the name that the page asks for."""

    seconds: float
    files: Mapping[str, Path]
    own: Mapping[str, list[float]]
    """Loudness of the character's voice along each side's clip, for a drawing; empty where it does not speak."""
    partner: Mapping[str, list[float]]
    instruction: str


class BrokenClip(InputError):  # noqa: N818 (what it is)
    """A submission's video that cannot be shown."""

    def __init__(self, system: str, case: str, reason: str) -> None:
        super().__init__(reason)
        self.system, self.case = system, case


@final
class Projector:
    """Makes and keeps what trials show.

    ``truth`` is an entry that only controls are made from; ``native`` shows every clip at its own height.
    """

    def __init__(
        self,
        folder: Path,
        cases: Mapping[str, Case],
        entries: Mapping[str, Entry],
        truth: Entry | None,
        *,
        native: bool,
    ) -> None:
        self._folder, self._cases, self._native = folder, cases, native
        self._entries = {**entries, **({} if truth is None else {TRUTH: truth})}
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{folder} cannot be made: {error.strerror or error}") from error

    def can_show(self, trial: Trial) -> bool:
        """Whether the systems and cases of a trial are among those that were given."""
        return all(
            side.sound_of in self._cases
            and side.system in self._entries
            and trial.case in self._entries[side.system].videos
            for side in (trial.left, trial.right)
        )

    def show(self, trial: Trial) -> Showing:
        """The files of a trial, made where they are not there yet.

        Raises:
            BrokenClip: a video cannot be shown.
            InputError: a file of the benchmark cannot be read.
        """
        case = self._cases[trial.case]
        seconds = min(case.duration_s, LONGEST_S)
        window = Window(start_s=round(trial.cut * (case.duration_s - seconds), 2), seconds=seconds)
        sides = {"left": trial.left, "right": trial.right}
        heights = {name: self._height(side, trial.case) for name, side in sides.items()}
        files: dict[str, Path] = {}
        own: dict[str, list[float]] = {}
        partner: dict[str, list[float]] = {}
        for name, side in sides.items():
            sounding = self._cases[side.sound_of]
            heard = Window(start_s=min(window.start_s, max(0.0, sounding.duration_s - seconds)), seconds=seconds)
            height = heights[name] if self._native else min(heights.values())
            files[f"{name}.mp4"] = self._clip(trial.case, side, (window, heard), height)
            if sounding.speak is not None:
                own[name] = clip.peaks(clip.read_sound(sounding.speak, heard), _BARS)
            if sounding.listen is not None:
                partner[name] = clip.peaks(clip.read_sound(sounding.listen, heard), _BARS)
            if sounding.partner is not None:
                files[f"partner-{name}.mp4"] = self._partner(sounding.partner, heard)
        if case.references:
            files["reference.webp"] = self._reference(case.references[0])
        return Showing(seconds=seconds, files=files, own=own, partner=partner, instruction=case.instruction)

    def _height(self, side: Side, case: str) -> int:
        try:
            return min(clip.height_of(self._entries[side.system].videos[case]), _MOST_HEIGHT)
        except InputError as error:
            raise BrokenClip(side.system, case, str(error)) from error

    def _clip(self, case: str, side: Side, windows: tuple[Window, Window], height: int) -> Path:
        shown, heard = windows
        video = self._entries[side.system].videos[case]
        out = self._place(
            video, [side.sound_of, side.frozen, shown.start_s, heard.start_s, shown.seconds, height], "mp4"
        )
        if not out.exists():
            sounding = self._cases[side.sound_of]
            sound_A = None
            if sounding.speak is not None or sounding.listen is not None:
                voices = Voices(
                    own_A=clip.read_sound(sounding.speak, heard), partner_A=clip.read_sound(sounding.listen, heard)
                )
                sound_A = voices.mixed()
            try:
                clip.write_clip(video, sound_A, shown, out, height=height, frozen=side.frozen)
            except InputError as error:
                raise BrokenClip(side.system, case, str(error)) from error
        return out

    def _partner(self, video: Path, window: Window) -> Path:
        out = self._place(video, [window.start_s, window.seconds], "mp4")
        if not out.exists():
            clip.write_clip(video, None, window, out, height=min(clip.height_of(video), _PARTNER_HEIGHT))
        return out

    def _reference(self, picture: Path) -> Path:
        out = self._place(picture, [_REFERENCE_SIDE], "webp")
        if not out.exists():
            image = Image.fromarray(read_picture(picture))
            image.thumbnail((_REFERENCE_SIDE, _REFERENCE_SIDE))
            draft = out.with_name(f".{secrets.token_hex(8)}.part")
            image.save(draft, format="WEBP", quality=92)
            draft.replace(out)
        return out

    def _place(self, source: Path, how: list[Any], suffix: str) -> Path:
        """A name that says nothing of a system, and another one when anything changes."""
        state = source.stat()
        told = json.dumps([_FORM, str(source.resolve()), state.st_mtime_ns, state.st_size, *how])
        return self._folder / f"{hashlib.sha256(told.encode()).hexdigest()[:32]}.{suffix}"
