"""The cases of a benchmark as the arena needs them: what is heard, what is asked for, whom it should look like."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, final

from openlpm.bench.arena.question import Question, Track, fits
from openlpm.core.errors import InputError

_CASES = "cases.jsonl"
_ASSETS = "assets"


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One case; paths are files that are there."""

    id: str
    track: Track
    duration_s: float
    speak: Path | None
    """The character's own voice."""
    listen: Path | None
    """The partner's voice."""
    partner: Path | None
    """The partner filmed."""
    references: tuple[Path, ...]
    instruction: str
    """What the character was told to do; empty: nothing."""
    character: str
    """Cases of one character share a voice."""

    @property
    def questions(self) -> tuple[Question, ...]:
        """What can be asked about it."""
        shown, speaks = bool(self.references), self.speak is not None
        return tuple(each for each in Question if fits(each, self.track, references=shown, speaks=speaks))


def read_cases(bench: Path) -> dict[str, Case]:
    """All cases of a benchmark folder by id, in the order of its file.

    Raises:
        InputError: no such benchmark, or a line or file of it that cannot be used.
    """
    path = bench / _CASES
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: give --bench the folder that `openlpm bench make` wrote") from error
    cases: dict[str, Case] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            told = json.loads(line)
        except ValueError as error:
            raise InputError(f"{where} is not JSON; make the benchmark again") from error
        if not isinstance(told, dict):
            raise InputError(f"{where} is no object; make the benchmark again")
        case = _case(cast("dict[str, Any]", told), bench / _ASSETS, where)
        if case.id in cases:
            raise InputError(f"{where}: id={case.id} came before; ids must differ")
        cases[case.id] = case
    if not cases:
        raise InputError(f"{path} holds no case; make the benchmark again")
    return cases


def _case(told: Mapping[str, Any], assets: Path, where: str) -> Case:
    key = told.get("id")
    if not isinstance(key, str) or not key or Path(key).name != key:
        raise InputError(f"{where}: id={key!r}: an id is a name of letters and digits")
    try:
        track = Track(str(told.get("track")))
    except ValueError:
        raise InputError(f"{where}: track={told.get('track')!r}: use one of {', '.join(Track)}") from None
    duration = told.get("dur")
    if not isinstance(duration, int | float) or not duration > 0:
        raise InputError(f"{where}: dur={duration!r}: give seconds above 0")
    folder = assets / key
    references = told.get("refs") or []
    if not isinstance(references, list):
        raise InputError(f"{where}: refs={references!r}: give a list of files")
    return Case(
        id=key,
        track=track,
        duration_s=float(duration),
        speak=_asset(folder, told.get("speak"), f"{where}: speak"),
        listen=_asset(folder, told.get("listen"), f"{where}: listen"),
        partner=_asset(folder, told.get("user"), f"{where}: user"),
        references=tuple(
            found
            for name in cast("list[Any]", references)
            if (found := _asset(folder, name, f"{where}: refs")) is not None
        ),
        instruction=_instruction(told.get("prompt")),
        character=str(told.get("char") or key),
    )


def _asset(folder: Path, name: Any, what: str) -> Path | None:
    if name is None or name == "":
        return None
    if not isinstance(name, str) or Path(name).name != name:
        raise InputError(f"{what}={name!r}: give the name of a file in {folder}")
    path = folder / name
    if not path.is_file():
        raise InputError(f"{what}={name}: {path} is missing; make the benchmark again")
    return path


def _instruction(prompt: Any) -> str:
    """What the character was told, in one sentence for raters."""
    if isinstance(prompt, str):
        return prompt.strip()
    if not isinstance(prompt, dict):
        return ""
    told = cast("dict[str, Any]", prompt)
    if isinstance(words := told.get("text"), str) and words.strip():
        later = [f"at {one['at_s']:g} s: {one['text']}" for one in told.get("then") or ()]
        return "; ".join([words.strip(), *later])
    actions = [_action(each) for each in cast("list[Any]", told.get("actions") or [])]
    listed = "; then ".join(each for each in actions if each)
    persona = told.get("persona")
    named = persona.strip() if isinstance(persona, str) else ""
    return " – ".join(part for part in (named, listed) if part)


def _action(told: Any) -> str:
    if isinstance(told, str):
        return told.strip()
    if not isinstance(told, dict):
        return ""
    action = cast("dict[str, Any]", told)
    name = next((str(action[key]) for key in ("text", "action", "name", "kind") if action.get(key)), "")
    at_s = next((action[key] for key in ("t", "at", "start") if isinstance(action.get(key), int | float)), None)
    words = name.replace("_", " ").replace("action:", "").strip()
    return f"{words} at {at_s:g} s" if words and at_s is not None else words
