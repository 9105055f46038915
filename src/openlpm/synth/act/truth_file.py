"""The ground truth of a filmed conversation as two files: arrays (``.npz``) and a header for people and programs."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openlpm.core.emotion import EMOTIONS
from openlpm.core.rig import VISEMES, Rig, State
from openlpm.core.units import AUDIO_RATE_HZ, FRAME_RATE_HZ
from openlpm.synth.act.conversation import SIDES, Conversation
from openlpm.synth.act.dialogue import end_of
from openlpm.synth.act.filming import Film, Layout, Shot, landmarks_in
from openlpm.synth.look.identity import Identity, describe
from openlpm.synth.look.landmarks import LANDMARKS
from openlpm.synth.sound.speech_bank import SpeechBank

FORMAT = 1
_ARRAYS = {
    "rig": "(F, R) the controls of the performer, columns in `rig`",
    "viseme": "(F) index into `visemes`, of the performer's own speech",
    "jaw": "(F) 0 closed, 1 wide open",
    "landmarks": "(F, P, 2) x and y in pixels of the written picture, points in `landmarks`; NaN while not shown",
    "shown": "(F) whether the written picture shows this side",
    "pose": "(F, 3) yaw, pitch, roll in radians of the rig; positive is to picture right, up, tipped to the right",
    "gaze": "(F, 2) x and y in the head, -1 to 1; positive is to picture right, up",
    "blink": "(F, 2) left and right lid in the picture, 0 open, 1 shut",
    "emotion": "(F, E) 0 to 1, columns in `emotions`",
    "state": "(F) index into `states`",
    "voice": "(A) this side's voice alone, 16 bit at `audio_rate_hz`",
}


def truth_arrays(conversation: Conversation, films: tuple[Film, ...]) -> dict[str, NDArray[np.generic]]:
    """All tracks by name, ``a_rig`` to ``b_voice``."""
    panels = {panel.side: panel for film in films for panel in film.panels}
    arrays: dict[str, NDArray[np.generic]] = {}
    for side, name in enumerate(SIDES):
        record = conversation.records[side]
        truth = record.truth
        assert truth is not None
        assert truth.emotion_FE is not None
        rig_FR = truth.rig_FR
        tracks: dict[str, NDArray[np.generic]] = {
            "rig": rig_FR,
            "viseme": truth.viseme_F,
            "jaw": rig_FR[:, Rig.JAW],
            "landmarks": landmarks_in(conversation, panels[side]),
            "shown": panels[side].shown_F,
            "pose": rig_FR[:, [Rig.YAW, Rig.PITCH, Rig.ROLL]],
            "gaze": rig_FR[:, [Rig.GAZE_X, Rig.GAZE_Y]],
            "blink": rig_FR[:, [Rig.BLINK_LEFT, Rig.BLINK_RIGHT]],
            "emotion": truth.emotion_FE,
            "state": record.state_F,
            "voice": np.round(record.speak_A.clip(-1.0, 1.0) * 32767.0).astype(np.int16),
        }
        assert tracks.keys() == _ARRAYS.keys()
        arrays |= {f"{name}_{track}": array for track, array in tracks.items()}
    return arrays


def truth_header(
    conversation: Conversation, bank: SpeechBank, layout: Layout, films: tuple[Film, ...], shots: tuple[Shot, ...]
) -> dict[str, Any]:
    """Everything that is no array: who, what is said, what happens, the cuts, and what the arrays mean."""
    return {
        "format": FORMAT,
        "frame_rate_hz": FRAME_RATE_HZ,
        "audio_rate_hz": AUDIO_RATE_HZ,
        "num_frames": conversation.num_frames,
        "conversation": conversation.seed,
        "split": str(bank.split),
        "layout": str(layout),
        "films": [
            {
                "suffix": film.suffix,
                "height": film.size[0],
                "width": film.size[1],
                "panels": [{"side": SIDES[panel.side], "left": panel.left} for panel in film.panels],
            }
            for film in films
        ],
        "shots": [asdict(shot) | {"side": SIDES[shot.side]} for shot in shots] if layout == Layout.CUT else [],
        "sides": {name: _side(conversation, bank, side) for side, name in enumerate(SIDES)},
        "arrays": _ARRAYS,
        "rig": [channel.name.lower() for channel in Rig],
        "visemes": list(VISEMES),
        "landmarks": list(LANDMARKS),
        "emotions": list(EMOTIONS),
        "states": [state.name.lower() for state in State],
    }


def _side(conversation: Conversation, bank: SpeechBank, side: int) -> dict[str, Any]:
    record, style = conversation.records[side], conversation.styles[side]
    truth = record.truth
    assert truth is not None
    return {
        "identity": record.identity,
        "appearance": describe(Identity.from_seed(truth.seed)),
        "voice": conversation.voices[side],
        "caption": record.caption,
        "style": {"mood": style.mood, "second_mood": style.second_mood, "course": str(style.course)}
        | {"intensity": style.intensity, "energy": style.energy, "articulation": style.articulation}
        | {"persona": asdict(style.persona)},
        "said": [
            {
                "text": bank.texts[turn.utterance],
                "kind": str(bank.kind_of(turn.utterance)),
                "emotion": bank.emotion_of(turn.utterance),
                "start_frame": turn.start_sample * FRAME_RATE_HZ / AUDIO_RATE_HZ,
                "end_frame": end_of(bank, turn) * FRAME_RATE_HZ / AUDIO_RATE_HZ,
                "broken_off": turn.cut_sample is not None,
            }
            for turn in conversation.plan.turns[side]
        ],
        "events": [asdict(event) for event in truth.events],
    }


def write_arrays(path: Path, arrays: dict[str, NDArray[np.generic]]) -> None:
    """Write ``truth_arrays`` compressed."""
    with path.open("wb") as file:
        # numpy's types leave keyword arrays and `allow_pickle` in one place.
        np.savez_compressed(file, **arrays)  # pyright: ignore[reportArgumentType]
