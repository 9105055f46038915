"""How long after the agent's voice arrives the mouth begins to move, on two cores.

A character listens to silence. At any moment the first sound of an utterance arrives, and from then on the voice comes
faster than it is played. A live stream begins to make a chunk as late as it can, so that its last picture is ready when
it is shown; a voice that comes too late for one chunk is heard by the next. So the reaction is: until the next chunk is
begun, making it (timed here), and its pictures until the first with a moving mouth.

What moves the mouth is told apart from what would have moved anyway by the same stream, with the same noise, that goes
on in silence. The control is the same utterance in the partner's voice: a mouth that it moves is moved by anything.
"""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from openlpm.bench import statistics
from openlpm.bench.cases import identity_seeds
from openlpm.bench.online.process import Job, measured
from openlpm.bench.online.served import served, told_online, warm_chunks
from openlpm.bench.performer import references_of
from openlpm.bench.reading import Judges, load_judges, read_frames
from openlpm.bench.result import Bar, Row
from openlpm.core.audio import ArraySource
from openlpm.core.rig import MOUTH_CHANNELS
from openlpm.core.seeds import Split, generator
from openlpm.core.units import FRAME_RATE_HZ, samples_at_frame
from openlpm.rollout.assembly import CharacterModel
from openlpm.rollout.online import OnlineConfig
from openlpm.rollout.request import StreamRequest
from openlpm.rollout.stream import OnlineStream, online_of
from openlpm.synth.look.identity import Identity, describe
from openlpm.synth.look.references import reference_pictures
from openlpm.synth.sound.speech_bank import build
from openlpm.synth.sound.vocal_kinds import VocalKind

NAME, BAR = "reaction_s", Bar(at_most=0.5)
GIVE_UP_S = 2.0
"""What a mouth that does not move by then is charged."""
_HEARD = 0.05
_MOVED = 0.08
"""How far mouths must be apart (jaw, width, rounding, press): a little more than ``QuietMouth`` takes for open."""
_LOOK_FRAMES = FRAME_RATE_HZ
_SEED = 13
_ARRIVALS = 16
"""Moments within a chunk at which each utterance arrives."""


def reaction_rows(
    folder: str,
    online: OnlineConfig | None,
    *,
    judges: Path | None,
    characters: int,
    utterances: int,
    warm: int | None = None,
) -> list[Row]:
    """Every character begins to say so many utterances, after ``warm`` chunks of silence (None: its whole memory).

    ``n`` counts characters: what one of them does to several utterances begins from one moment with one noise, and is
    one observation.
    """
    found = measured(
        Job.REACTION,
        folder=folder,
        online=told_online(online),
        judges=None if judges is None else str(judges),
        characters=characters,
        utterances=utterances,
        warm=warm,
    )
    making_KU, mouth_KU, partner_KU = (np.array(found[name]) for name in ("making_s", "mouth_s", "partner_s"))
    each = [
        reactions(making, mouth, found["chunk_s"], seed=index)
        for index, (making, mouth) in enumerate(zip(making_KU.flat, mouth_KU.flat, strict=True))
    ]
    times_KW = np.stack(each).reshape(len(making_KU), -1)
    p95 = statistics.Estimate.single(float(np.quantile(times_KW, 0.95)), n=len(times_KW))

    def mean(values_KX: NDArray[np.float64]) -> statistics.Estimate:
        return statistics.mean(values_KX.mean(axis=1))

    return [
        Row.of(NAME, mean(times_KW), unit="s", bar=BAR),
        Row.of(f"{NAME}/p95", p95, unit="s"),
        Row.of(f"{NAME}/making", mean(making_KU), unit="s"),
        Row.of(f"{NAME}/mouth", mean(mouth_KU), unit="s"),
        Row.of(f"{NAME}/never_moved", mean((mouth_KU >= GIVE_UP_S).astype(np.float64))),
        Row.of(f"{NAME}/moved_by_partner", mean((partner_KU < GIVE_UP_S).astype(np.float64))),
    ]


def reactions(making_s: float, mouth_s: float, chunk_s: float, *, seed: int) -> NDArray[np.float64]:
    """Seconds from the arrival of a voice, at moments spread over a chunk, to the first picture that moves the mouth.

    Counted from the moment at which a chunk is begun at the latest; a machine that is slower than the stream begins
    the next one when this one is done.
    """
    period = max(chunk_s, making_s)
    waits = (np.arange(_ARRIVALS) + generator("bench", "arrival", seed).uniform()) / _ARRIVALS * period
    return np.minimum(waits + making_s + mouth_s, GIVE_UP_S)


def work(
    *,
    folder: str,
    online: dict[str, Any] | None,
    judges: str | None,
    characters: int,
    utterances: int,
    warm: int | None,
) -> dict[str, Any]:
    """The job: seconds by character and utterance."""
    model = served(folder, online)
    court = load_judges(torch.device("cpu"), None if judges is None else Path(judges))
    bank = build(Split.TEST, 24, seed=_SEED)
    silent_chunks = warm_chunks(model) if warm is None else warm
    sentences = [each for each in range(bank.num_utterances) if bank.kind_of(each) is VocalKind.SPEECH]
    making: list[list[float]] = []
    mouth: list[list[float]] = []
    partner: list[list[float]] = []
    for number, seed in enumerate(identity_seeds(Split.TEST, characters, _SEED, "reaction")):
        stream = _listening(model, Identity.from_seed(seed), number, silent_chunks)
        saved = stream.snapshot(0)
        silence_A = np.zeros(samples_at_frame(stream.position(0)), np.float32)
        for found in (making, mouth, partner):
            found.append([])
        for trial in range(utterances):
            stream.restore(0, saved)
            silent_FX, _ = _goes_on(stream, court)
            said_A = _begun(bank.samples(sentences[(number * utterances + trial) % len(sentences)]))
            voice = ArraySource(np.concatenate([silence_A, said_A]))
            stream.restore(0, replace(saved, request=replace(saved.request, speak=voice)))
            moved_FX, seconds = _goes_on(stream, court)
            making[-1].append(seconds)
            mouth[-1].append(first_move(moved_FX, silent_FX))
            stream.restore(0, replace(saved, request=replace(saved.request, listen=voice)))
            partner[-1].append(first_move(_goes_on(stream, court)[0], silent_FX))
    chunk_s = model.config.vae.frames_per_latent * online_of(model).chunk_frames / FRAME_RATE_HZ
    return {"chunk_s": chunk_s, "making_s": making, "mouth_s": mouth, "partner_s": partner}


def first_move(moved_FX: NDArray[np.float32], silent_FX: NDArray[np.float32]) -> float:
    """Seconds to the first picture in which a mouth is another than it would have been in silence."""
    apart_F = np.linalg.norm(np.nan_to_num(moved_FX - silent_FX), axis=1)
    found = np.flatnonzero(apart_F > _MOVED)
    return GIVE_UP_S if found.size == 0 else min(float(found[0]) / FRAME_RATE_HZ, GIVE_UP_S)


def _listening(model: CharacterModel, identity: Identity, seed: int, chunks: int) -> OnlineStream:
    """A stream of a character who has heard nothing for so many chunks."""
    references = references_of(reference_pictures(identity))
    stream = OnlineStream(model, 1, [reference.slot for reference in references])
    caption = f"{describe(identity).capitalize()} listens and then speaks."
    stream.join(0, StreamRequest(references=references, caption=caption, seed=seed))
    for _ in range(chunks):
        stream.next_chunk()
    return stream


def _goes_on(stream: OnlineStream, judges: Judges) -> tuple[NDArray[np.float32], float]:
    """The mouth of the next second or a little more, (F, X), and how long the first chunk took."""
    mouths: list[NDArray[np.float32]] = []
    seconds: list[float] = []
    while sum(len(mouth_FX) for mouth_FX in mouths) < _LOOK_FRAMES:
        started = time.perf_counter()
        frames_FCHW = stream.next_chunk()[0]
        seconds.append(time.perf_counter() - started)
        mouths.append(read_frames(judges.critic, frames_FCHW).rig_FR[:, list(MOUTH_CHANNELS[:4])])
    return np.concatenate(mouths), seconds[0]


def _begun(samples_A: NDArray[np.float32]) -> NDArray[np.float32]:
    """An utterance from its first audible sample on."""
    loud = np.flatnonzero(np.abs(samples_A) > _HEARD * np.abs(samples_A).max())
    return samples_A[loud[0] :]
