"""``openlpm bench make``: a folder of cases, the same byte for byte every time, that goes on where it stopped."""

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from openlpm.bench.lpm.case import HUMAN, SEALED, SYNTHETIC, Case
from openlpm.bench.lpm.files import sha256_of, write_picture, write_sound
from openlpm.bench.lpm.folder import VERSION
from openlpm.bench.lpm.scripts import OPEN, Script, characters, clip_seed_of, write_script
from openlpm.bench.lpm.strata import DOMAINS, STRATA, Place, Tier, places
from openlpm.bench.lpm.truth import write_truth
from openlpm.core.errors import InputError
from openlpm.core.seeds import Split, generator
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.synth.act.reactions import ANSWERS, WINDOW_S
from openlpm.synth.look.identity import Identity, describe
from openlpm.synth.look.references import reference_pictures, reference_rigs

Report = Callable[[int, int], None]
_HUMAN_SECONDS = 8
_ALONE_EVERY = 3
"""Every third case gives one reference picture, the others all."""


def make(
    out: Path,
    tier: Tier,
    *,
    sealed_seed: str | None = None,
    voices: Sequence[tuple[str, NDArray[np.float32]]] = (),
    limit: int | None = None,
    report: Report = lambda _done, _total: None,
) -> int:
    """Make what the folder lacks, then its lists and its version; returns how many cases there are.

    ``voices`` are recordings of test people, (name, samples): cases without a truth. ``limit`` takes a few cases of all
    tracks, for tests.

    Raises:
        InputError: the folder holds another version or cases of another sealed seed, or is none of the benchmark.
        ConfigError: the extra ``[tts]`` (espeak-ng) is not installed.
    """
    _check(out)
    wanted = [(place, OPEN) for place in _limited(list(places(tier)), limit)]
    if sealed_seed is not None:
        wanted += [(place, f"sealed-{sealed_seed}") for place in _limited(list(places(tier, sealed=True)), limit)]
    total = len(wanted) + len(voices)
    report(0, total)
    made: list[Case] = []
    for place, layer in wanted:
        kept = _kept(out, place.case_id)
        if kept is not None and kept.seed_base != clip_seed_of(place, layer):
            raise InputError(f"{out}: {kept.id} was sealed with another seed; make the sealed cases in a new folder")
        made.append(kept or _make_synthetic(out, place, layer))
        report(len(made), total)
    for index, (name, voice_A) in enumerate(voices):
        case_id = f"V-{_plain(name)}"
        made.append(_kept(out, case_id) or _make_human(out, case_id, index, voice_A))
        report(len(made), total)
    _write_lists(out, made)
    return len(made)


def _limited(found: list[Place], limit: int | None) -> list[Place]:
    """A few of all strata in turn, rather than the first of one."""
    if limit is None:
        return found
    turns = sorted(found, key=lambda place: (place.index, STRATA.index(place.stratum)))
    chosen = {place.case_id for place in turns[:limit]}
    return [place for place in found if place.case_id in chosen]


def _check(out: Path) -> None:
    version = out / "VERSION"
    if version.is_file() and not version.read_text(encoding="utf-8").startswith(f"{VERSION}\n"):
        raise InputError(f"{out} holds another version of the benchmark: make {VERSION} in a new folder")
    if out.is_dir() and any(out.iterdir()) and not (out / "assets").is_dir():
        raise InputError(f"{out} holds other things: give a new folder, or one of `openlpm bench make`")
    for name in ("assets", "gt", "splits"):
        (out / name).mkdir(parents=True, exist_ok=True)


def _kept(out: Path, case_id: str) -> Case | None:
    """A case that was made before; whole, since its folder takes its name last."""
    line = out / "assets" / case_id / "case.json"
    return Case.from_line(line.read_text(encoding="utf-8"), str(line)) if line.is_file() else None


def _make_synthetic(out: Path, place: Place, layer: str) -> Case:
    script = write_script(place, layer)
    draft = _draft(out, place.case_id)
    record = script.record
    for name, voice_A in (("speak", record.speak_A), ("listen", record.listen_A)):
        if np.any(voice_A):
            write_sound(draft / f"{name}.wav", voice_A)
    gt = out / "gt" / f"{place.case_id}.npz"
    assert record.truth is not None
    write_truth(gt, record.truth, record.state_F)
    kinds = _write_references(draft, script.identity, alone=place.index % _ALONE_EVERY == _ALONE_EVERY - 1)
    case = Case(
        id=place.case_id,
        track=place.stratum.track.value,
        sub=place.stratum.name,
        domain=place.domain,
        dur=float(place.stratum.seconds),
        lang=script.language,
        frame=script.identity.shot,
        layer=SYNTHETIC if layer == OPEN else SEALED,
        char=f"c{script.identity.seed}",
        script=script.name,
        seed_base=script.clip_seed,
        refs=tuple(kinds),
        ref_kinds=tuple(kinds.values()),
        speak="speak.wav" if (draft / "speak.wav").is_file() else None,
        listen="listen.wav" if (draft / "listen.wav").is_file() else None,
        prompt=_prompt(script),
        events=_cues(script),
    )
    return _sealed_up(out, draft, case, [gt])


def _make_human(out: Path, case_id: str, index: int, voice_A: NDArray[np.float32]) -> Case:
    """A test character with a recorded voice."""
    domain = DOMAINS[index % len(DOMAINS)]
    people = characters(domain)
    identity = Identity.from_seed(people[int(generator("lpm", "human", index).integers(len(people)))])
    draft = _draft(out, case_id)
    write_sound(draft / "speak.wav", voice_A[: _HUMAN_SECONDS * 16_000])
    kinds = _write_references(draft, identity, alone=False)
    case = Case(
        id=case_id,
        track="V",
        sub="human_voice",
        domain=domain,
        dur=float(_HUMAN_SECONDS),
        lang="en",
        frame=identity.shot,
        layer=HUMAN,
        char=f"c{identity.seed}",
        script=case_id,
        seed_base=index,
        refs=tuple(kinds),
        ref_kinds=tuple(kinds.values()),
        speak="speak.wav",
        prompt={"text": f"{describe(identity).capitalize()} speaks."},
    )
    return _sealed_up(out, draft, case, [])


def _draft(out: Path, case_id: str) -> Path:
    draft = out / "assets" / f".{case_id}.part"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    return draft


def _write_references(draft: Path, identity: Identity, *, alone: bool) -> dict[str, str]:
    """Write pictures of the character; their names and what each shows."""
    with torch.inference_mode():
        pictures_JCHW = reference_pictures(identity, device="cpu")
    shown = (pictures_JCHW.permute(0, 2, 3, 1) * 255).round().clamp(0, 255).to(torch.uint8).numpy()
    kinds: dict[str, str] = {}
    for number, (key, picture_HWC) in enumerate(zip(reference_rigs(), shown, strict=True)):
        if alone and number > 0:
            break
        write_picture(draft / f"ref_{number}.png", picture_HWC)
        kinds[f"ref_{number}.png"] = f"{key.kind}/{key.subtype}"
    return kinds


def _prompt(script: Script) -> dict[str, object]:
    assert script.record.truth is not None
    actions = [e.kind.removeprefix("action:") for e in script.record.truth.events if e.kind.startswith("action:")]
    then = [{"at_s": prompt.at_s, "text": prompt.caption} for prompt in script.prompts]
    return {"text": script.record.caption, "persona": script.persona, "actions": actions, "then": then}


def _cues(script: Script) -> tuple[dict[str, object], ...]:
    assert script.record.truth is not None
    return tuple(
        {
            "t": round(e.start_frame / FRAME_RATE_HZ, 3),
            "cue": e.kind,
            "ok": list(ANSWERS[e.kind]),
            "win": list(WINDOW_S),
        }
        for e in script.record.truth.events
        if e.kind in ANSWERS
    )


def _sealed_up(out: Path, draft: Path, case: Case, more: list[Path]) -> Case:
    """Write what is asked for and the line, and let the folder take its name."""
    (draft / "prompt.json").write_text(json.dumps(case.prompt, ensure_ascii=False, sort_keys=True), encoding="utf-8")
    digest = sha256_of([*sorted(draft.iterdir()), *more])
    whole = Case.from_line(json.dumps(json.loads(case.line()) | {"sha256": digest}), case.id)
    (draft / "case.json").write_text(whole.line() + "\n", encoding="utf-8")
    draft.rename(out / "assets" / case.id)
    return whole


def _write_lists(out: Path, made: list[Case]) -> None:
    lines = "".join(case.line() + "\n" for case in made)
    (out / "cases.jsonl").write_text(lines, encoding="utf-8")
    by_id = {case.id: case for case in made}
    for tier in Tier:
        ids = [place.case_id for place in places(tier) if place.case_id in by_id]
        if tier is Tier.FULL:
            ids += [case.id for case in made if case.layer == SEALED]
        (out / "splits" / f"{tier}.txt").write_text("".join(f"{name}\n" for name in ids), encoding="utf-8")
    human = [case.id for case in made if case.layer == HUMAN]
    (out / "splits" / "human.txt").write_text("".join(f"{name}\n" for name in human), encoding="utf-8")
    digest = hashlib.sha256(lines.encode()).hexdigest()
    (out / "VERSION").write_text(f"{VERSION}\nsha256 {digest}\nsplit {Split.TEST}\n", encoding="utf-8")


def _plain(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in Path(name).stem)
