"""How fast and how surely turns are detected, and the rule that tells turns from back-channels.

    python runs/turn_detection.py [--each 200] [--speech FOLDER]
    python runs/turn_detection.py fit --each 600

Needs the extras [tts] and [live]. The table is made of test voices, whom the fit (training voices, its threshold
seen on validation voices) never heard; each sound begins at a known sample in a room with noise. ``--speech`` adds
recordings of people (any sound files under FOLDER); they begin where they first come within 30 dB of their loudest.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from openlpm.agents.barge_in import MOST_SPREADS, WEIGHTS_FILE, BargeInConfig, features, score
from openlpm.agents.ear import MOMENT_S, MOMENT_SAMPLES, Moment
from openlpm.agents.turn_events import Aside, TurnBegan, TurnConfig, TurnOver, TurnTaken
from openlpm.agents.turns import TurnDetector
from openlpm.core.seeds import Split, generator
from openlpm.core.units import AUDIO_RATE_HZ
from openlpm.media.audio import open_audio
from openlpm.synth.sound.augment import noise, room_response
from openlpm.synth.sound.emotional_speech import say_with_emotion
from openlpm.synth.sound.espeak import Synthesiser
from openlpm.synth.sound.nonverbal import make_sound
from openlpm.synth.sound.traps import VOICED, TrapKind, trap_sound
from openlpm.synth.sound.vocal_kinds import EMOTIONS_OF, VocalKind
from openlpm.synth.sound.voices import Voice, voices_of

TURNS = ("speech", "short")
KINDS = (*TURNS, "backchannel", "mm_hm", "uh", "laugh", "cough")
SHORT = (
    "Stop.|Wait.|No, wait a moment.|Hold on.|What?|Can I ask something?|Sorry, but what do you mean?|Excuse me.|"
    "But why?|Let me say something.|Hang on a second.|I have a question.|That is not what I meant.|Who are you?"
).split("|")
MOODS = ("neutral", "neutral", "neutral", "happy", "angry", "surprised", "thoughtful")
LONGEST_S = 4.0


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One sound in noise."""

    kind: str
    samples_A: NDArray[np.float32]
    onset: int
    end: int


def scenes(split: Split, each: int, *, hushed: bool = False) -> Iterator[Scene]:
    """``each`` scenes of every kind of sound, by voices of ``split``, half of them English.

    ``hushed`` are those of a microphone whose noise is taken out: digital silence before and after.
    """
    synthesiser, everybody = Synthesiser(), voices_of(split)
    english = [voice for voice in everybody if voice.language.startswith("en")]
    for kind in KINDS:
        for number in range(each if kind in ("speech", "mm_hm") else each // 2):
            rng = generator("turn detection", split, kind, number, *(["hushed"] if hushed else []))
            voices = english if kind == "short" or rng.random() < 0.5 else everybody
            sound_A = _sound(kind, voices[int(rng.integers(len(voices)))], rng, synthesiser)
            if np.abs(sound_A).max(initial=0.0) > 1e-3:
                yield placed(kind, sound_A, rng, hushed=hushed)


def placed(kind: str, sound_A: NDArray[np.float32], rng: np.random.Generator, *, hushed: bool = False) -> Scene:
    """``sound_A`` after 0.7 s or so of a noisy room, at the level of a microphone, and 1.3 s more."""
    peak = np.abs(sound_A).max()
    heard = np.flatnonzero(np.abs(sound_A) > peak * 10 ** (-30 / 20))
    sound_A = sound_A[heard[0] : heard[-1] + 1][: int(LONGEST_S * AUDIO_RATE_HZ)]
    level_db = rng.uniform(-32, -18) - (rng.uniform(0, 6) if kind == "mm_hm" else 0.0)
    rms = np.sqrt(np.square(sound_A[np.abs(sound_A) > 0.03 * peak]).mean())
    onset = int(AUDIO_RATE_HZ * rng.uniform(0.6, 0.8))
    scene_A = np.zeros(onset + sound_A.shape[0] + int(1.3 * AUDIO_RATE_HZ), np.float32)
    scene_A[onset : onset + sound_A.shape[0]] = sound_A * 10 ** (level_db / 20) / rms
    if not hushed and rng.random() < 0.4:
        scene_A = np.convolve(scene_A, room_response(rng, 4_000))[: scene_A.shape[0]]
    hiss_A = noise(rng, scene_A.shape[0])
    hiss_A *= 10 ** ((level_db - rng.uniform(12, 45)) / 20) / np.sqrt(np.square(hiss_A).mean())
    heard_A = np.clip(scene_A + (0.0 if hushed else hiss_A), -1, 1).astype(np.float32)
    return Scene(kind=kind, samples_A=heard_A, onset=onset, end=onset + sound_A.shape[0])


def _sound(kind: str, voice: Voice, rng: np.random.Generator, synthesiser: Synthesiser) -> NDArray[np.float32]:
    match kind:
        case "speech":
            return say_with_emotion(synthesiser, voice, MOODS[int(rng.integers(len(MOODS)))], rng).samples_A
        case "short":
            return synthesiser.say(SHORT[int(rng.integers(len(SHORT)))], voice).samples_A
        case "backchannel":
            mood = ("neutral", "happy", "thoughtful")[int(rng.integers(3))]
            return say_with_emotion(synthesiser, voice, mood, rng, kind=VocalKind.BACKCHANNEL).samples_A
        case "cough":
            bursts = [_burst(rng) * strength for strength in (1.0, 0.7)[: int(rng.integers(1, 3))]]
            return np.concatenate(bursts).astype(np.float32)
        case _:
            moods = EMOTIONS_OF[VocalKind(kind)]
            return make_sound(VocalKind(kind), voice, moods[int(rng.integers(len(moods)))], rng, synthesiser).samples_A


def _burst(rng: np.random.Generator) -> NDArray[np.float64]:
    length = int(AUDIO_RATE_HZ * rng.uniform(0.25, 0.5))
    hiss_A = np.convolve(rng.standard_normal(length), np.hanning(int(rng.uniform(4, 30))), "same")
    return hiss_A * np.exp(-np.arange(length) / AUDIO_RATE_HZ / rng.uniform(0.04, 0.12))


def onset_moments(scene: Scene) -> list[Moment]:
    """Everything from where a detector finds an onset, the character being heard; empty where it finds none."""
    never = BargeInConfig(earliest_s=1e8, latest_s=1e9)  # so that no rule is needed to learn one
    detector = TurnDetector(TurnConfig(barge_in=never))
    detector.character_is_heard(heard=True)
    kept: list[Moment] = []
    for start in range(0, scene.samples_A.shape[0] - MOMENT_SAMPLES + 1, MOMENT_SAMPLES):
        events = detector.push(scene.samples_A[start : start + MOMENT_SAMPLES], AUDIO_RATE_HZ)
        if any(isinstance(event, Aside) for event in events) or len(kept) * MOMENT_S > 1.0:
            break
        kept = detector.since_onset or kept
    return kept


def fit(each: int) -> None:
    """Teach the rule and write it where it is read from; print what every threshold lets pass on validation voices."""
    shortest = round(BargeInConfig().earliest_s / MOMENT_S)
    rows: list[NDArray[np.float64]] = []
    kinds: list[str] = []
    for scene in chain(scenes(Split.TRAIN, each), scenes(Split.TRAIN, each // 4, hushed=True)):
        moments = onset_moments(scene)
        for length in range(shortest, len(moments) + 1):
            rows.append(features(moments[:length]))
            kinds.append(scene.kind)
    WEIGHTS_FILE.parent.mkdir(exist_ok=True)
    np.savez(WEIGHTS_FILE, **learned(np.stack(rows), np.array(kinds)))
    found: list[tuple[str, list[float]]] = []
    for scene in scenes(Split.VALIDATION, each // 3):
        moments = onset_moments(scene)
        found.append((scene.kind, [score(moments[:length]) for length in range(shortest, len(moments) + 1)]))
    for threshold in np.arange(-0.5, 2.25, 0.25):
        print(f"threshold {threshold:5.2f}", end="")
        for kind in KINDS:
            print(f"  {kind} {np.mean([max(s, default=-9) > threshold for k, s in found if k == kind]):.3f}", end="")
        late_s = [_first(s, threshold) for kind, s in found if kind in TURNS]
        print("  turns after s p50 p90 p95", np.percentile(late_s, [50, 90, 95]).round(2))


def _first(scores: list[float], threshold: float) -> float:
    """When a sound is taken for a turn, at the latest when it would be in any case."""
    config = BargeInConfig()
    over = [index for index, value in enumerate(scores) if value > threshold]
    return config.earliest_s + over[0] * MOMENT_S if over else config.latest_s


def weights(kind_N: NDArray[np.str_]) -> NDArray[np.float64]:
    """How much each example counts: turns as much as everything else together."""
    is_turn_N = np.isin(kind_N, TURNS)
    # Hums are what must not pass; words of back-channels are words, and only so much can be done.
    counts = {"mm_hm": 3.0, "laugh": 0.6, "backchannel": 0.3}
    weight_N = np.array([counts.get(kind, 1.0) for kind in kind_N])
    weight_N[is_turn_N] *= weight_N[~is_turn_N].sum() / weight_N[is_turn_N].sum()
    return weight_N / weight_N.mean()


def learned(seen_NF: NDArray[np.float64], kind_N: NDArray[np.str_], width: int = 48) -> dict[str, NDArray[np.float32]]:
    """Two layers that tell turns; noise on what they see and weight decay keep them smooth."""
    is_turn_N, weight_N = np.isin(kind_N, TURNS), weights(kind_N)
    torch.manual_seed(0)
    torch.set_num_threads(1)
    mean_F, spread_F = seen_NF.mean(axis=0), seen_NF.std(axis=0) + 1e-6
    unit_NF = torch.tensor(((seen_NF - mean_F) / spread_F).clip(-MOST_SPREADS, MOST_SPREADS), dtype=torch.float32)
    wanted_N, count_N = torch.tensor(is_turn_N).float(), torch.tensor(weight_N).float()
    inner, outer = torch.nn.Linear(unit_NF.shape[1], width), torch.nn.Linear(width, 1)
    optimiser = torch.optim.AdamW([*inner.parameters(), *outer.parameters()], lr=3e-3, weight_decay=0.3)
    for _ in range(5_000):
        drawn = torch.randint(len(wanted_N), (2_048,))
        guess = outer(torch.tanh(inner(unit_NF[drawn] + 0.3 * torch.randn(2_048, unit_NF.shape[1]))))[:, 0]
        loss = torch.nn.functional.binary_cross_entropy_with_logits(guess, wanted_N[drawn], count_N[drawn])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    numbers = {
        "inner": inner.weight, "inner_bias": inner.bias, "outer": outer.weight[0], "outer_bias": outer.bias[0],
    }  # fmt: skip
    arrays = {name: tensor.detach().numpy().astype(np.float32) for name, tensor in numbers.items()}
    return arrays | {"mean": mean_F.astype(np.float32), "spread": spread_F.astype(np.float32)}


def events_of(
    samples_A: NDArray[np.float32], *, heard: bool, config: TurnConfig | None = None
) -> list[tuple[float, object]]:
    """What a detector decides, and when in the sound; ``heard`` says whether the character speaks all the while."""
    detector = TurnDetector(config)
    detector.character_is_heard(heard=heard)
    told: list[tuple[float, object]] = []
    for start in range(0, samples_A.shape[0] - MOMENT_SAMPLES + 1, MOMENT_SAMPLES):
        now_s = (start + MOMENT_SAMPLES) / AUDIO_RATE_HZ
        told += [(now_s, event) for event in detector.push(samples_A[start : start + MOMENT_SAMPLES], AUDIO_RATE_HZ)]
    return told


def _delays(values: list[float]) -> str:
    if not values:
        return "     -     -     -"
    return " ".join(f"{value:5.2f}" for value in np.percentile(values, [50, 90, 95]))


def report(name: str, made: list[Scene]) -> None:
    """A row: the same sounds while the character speaks, and while it is silent."""
    taken_s: list[float] = []
    began_s: list[float] = []
    ended_s: list[float] = []
    parts = 0
    for scene in made:
        onset_s, end_s = scene.onset / AUDIO_RATE_HZ, scene.end / AUDIO_RATE_HZ
        spoken_over = events_of(scene.samples_A, heard=True)
        taken_s += [now_s - onset_s for now_s, e in spoken_over if isinstance(e, TurnTaken)][:1]
        silent = events_of(scene.samples_A, heard=False)
        began_s += [now_s - onset_s for now_s, e in silent if isinstance(e, TurnBegan)][:1]
        overs = [now_s for now_s, e in silent if isinstance(e, TurnOver)]
        parts += max(len(overs) - 1, 0)
        ended_s += [overs[-1] - end_s] if overs else []
    count = len(made)
    print(
        f"{name:14}{count:5}   {len(taken_s) / count:5.3f} {_delays(taken_s)}   {len(began_s) / count:5.3f} "
        f"{_delays(began_s)}   {_delays(ended_s)}   {parts / count:5.3f}"
    )


def table(each: int, folder: Path | None) -> None:
    """Everything, of test voices."""
    print("seconds as p50 p90 p95; 'taken' while the character speaks, 'began' and 'ended' while it is silent")
    print("sound          count   taken  after onset          began  after onset         after the end       split")
    made = list(scenes(Split.TEST, each))
    for kind in KINDS:
        report(kind, [scene for scene in made if scene.kind == kind])
    if folder is not None:
        report("recorded", list(recordings(folder)))
    seconds = 20.0
    print("\nnobody's turn   minutes   taken/minute   began/minute")
    for kind in TrapKind:
        if kind not in VOICED:
            drawn = [generator("turn traps", kind, number) for number in range(12)]
            false_rows(kind, [trap_sound(rng, int(seconds * AUDIO_RATE_HZ), kind) for rng in drawn])
    false_rows("echo -25 dB", list(echoes(each // 10)))


def false_rows(name: str, sounds: list[NDArray[np.float32]]) -> None:
    """How often a minute a sound that is nobody's turn is taken for one."""
    minutes = sum(sound_A.shape[0] for sound_A in sounds) / AUDIO_RATE_HZ / 60
    taken = [sum(isinstance(e, TurnTaken) for _, e in events_of(sound_A, heard=True)) for sound_A in sounds]
    began = [sum(isinstance(e, TurnBegan) for _, e in events_of(sound_A, heard=False)) for sound_A in sounds]
    print(f"{name:14}{minutes:9.1f}{sum(taken) / minutes:15.2f}{sum(began) / minutes:15.2f}")


def echoes(count: int) -> Iterator[NDArray[np.float32]]:
    """The character's own voice at -20 dB, come back 25 dB weaker through a room."""
    synthesiser, voices = Synthesiser(), voices_of(Split.TEST)
    for number in range(count):
        rng = generator("turn echo", number)
        sound_A = say_with_emotion(synthesiser, voices[int(rng.integers(len(voices)))], "neutral", rng).samples_A
        sound_A = np.convolve(sound_A, room_response(rng, 4_000))[: sound_A.shape[0]]
        sound_A *= 10 ** (-45 / 20) / np.sqrt(np.square(sound_A).mean())
        yield np.concatenate([np.zeros(AUDIO_RATE_HZ // 2), sound_A]).astype(np.float32)


def recordings(folder: Path) -> Iterator[Scene]:
    """The first seconds of each recording under ``folder``."""
    for path in sorted(path for path in folder.rglob("*") if path.suffix in {".opus", ".flac", ".wav"}):
        source = open_audio(path)
        samples_A = source.read(0, min(source.num_samples, int(8 * AUDIO_RATE_HZ)))
        power_N = np.square(samples_A[: samples_A.shape[0] // 320 * 320]).reshape(-1, 320).mean(axis=1)
        first = int(np.flatnonzero(power_N > power_N.max() * 1e-3)[0]) * 320
        yield placed("recorded", samples_A[first : first + int(LONGEST_S * AUDIO_RATE_HZ)], generator("rec", path.name))


def main() -> None:
    """Fit, or measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="?", choices=("table", "fit"), default="table")
    parser.add_argument("--each", type=int, default=200, help="scenes of a kind")
    parser.add_argument("--speech", type=Path, default=None, help="a folder of recorded people")
    asked = parser.parse_args()
    if asked.what == "fit":
        fit(asked.each)
    else:
        table(asked.each, asked.speech)


if __name__ == "__main__":
    main()
