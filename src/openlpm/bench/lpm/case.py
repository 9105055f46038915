"""One line of ``cases.jsonl``: what an entry is told, and what it is judged by."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, final

from openlpm.core.errors import InputError
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.rollout.request import Prompt

SYNTHETIC, SEALED, RECORDED, HUMAN = "synthetic", "sealed", "recorded", "human"
"""Layers: with a whole truth, the same from a secret seed, filmed by others, and human voices without a truth."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A task; files are names in its folder of assets."""

    id: str
    track: str
    sub: str
    domain: str
    dur: float
    """Seconds; the video has ``num_frames`` at 24 fps."""
    lang: str
    frame: str
    """How much of the character is in the picture."""
    layer: str
    char: str
    """Cases of one character, for clusters."""
    script: str
    """Cases of one voice and text."""
    seed_base: int
    """Seed s of an entry is ``seed_base + s``."""
    refs: tuple[str, ...]
    ref_kinds: tuple[str, ...]
    """What each reference shows: ``global``, ``view/0`` and so on."""
    speak: str | None = None
    listen: str | None = None
    user: str | None = None
    """A video of the partner, where there is one."""
    prompt: dict[str, Any] = field(default_factory=dict[str, Any])
    """``text``, ``persona``, ``actions`` and ``then``: a list of ``{"at_s", "text"}``."""
    events: tuple[dict[str, Any], ...] = ()
    """Cues that may be answered: ``{"t", "cue", "ok", "win"}``."""
    sha256: str = ""
    """Of all files of the case."""

    @property
    def num_frames(self) -> int:
        """Length of its video."""
        return round(self.dur * FRAME_RATE_HZ)

    @property
    def has_truth(self) -> bool:
        """Whether every movement is known."""
        return self.layer in (SYNTHETIC, SEALED)

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        """What is told later."""
        return tuple(Prompt(at_s=one["at_s"], caption=one["text"]) for one in self.prompt.get("then", ()))

    def line(self) -> str:
        """The case as it is written, keys in order."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)

    @staticmethod
    def from_line(line: str, place: str) -> "Case":
        """Read a line; ``place`` is named where it cannot be used.

        Raises:
            InputError: it is no JSON, or a field is missing or unknown.
        """
        try:
            found = json.loads(line)
            for name in ("refs", "ref_kinds", "events"):
                found[name] = tuple(found.get(name, ()))
            return Case(**found)
        except (json.JSONDecodeError, TypeError, AttributeError) as error:
            raise InputError(f"{place} is no case of this benchmark: {error}") from error
