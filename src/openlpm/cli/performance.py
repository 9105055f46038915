"""From a character and a conversation to a video on disk; what ``generate`` and ``demo`` share."""

import json
import math
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from openlpm import __version__
from openlpm.cli import engine as engines
from openlpm.cli.character import PICTURE_SIZE, Character, as_pictures, references_of
from openlpm.cli.output import require_writable
from openlpm.cli.progress import frames_progress, note, told
from openlpm.core.errors import InputError, OpenLPMError
from openlpm.core.motion import MotionTrack, read_motion
from openlpm.core.units import FRAME_RATE_HZ, samples_at_frame

if TYPE_CHECKING:
    from openlpm.core.audio import AudioSource
    from openlpm.media.video import VideoWriter
    from openlpm.rollout.request import GenerationRequest, Prompt, Reference
    from openlpm.rollout.timeline import Timeline, Turn


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """How to make a performance; None leaves a choice to the model."""

    text: str = ""
    then: tuple[str, ...] = ()
    """``SECONDS WORDS``: what is told from then on."""
    motion: Path | None = None
    planned: bool = True
    """Whether the model's choreographer decides what is done, if it has one."""
    seed: int = 0
    steps: int | None = None
    guidance_text: float | None = None
    guidance_speak: float | None = None
    guidance_listen: float | None = None
    guidance_motion: float | None = None
    model: Path | None = None
    device: str = "auto"
    online: bool = False
    """Whether to stream: chunk by chunk, causally, in the model's own few steps."""
    stream: tuple[str, ...] = ()
    """``field=value``: how to stream, where that is not how the model was taught."""

    def __post_init__(self) -> None:
        if self.stream and not self.online:
            raise InputError("--set says how to stream: give --online too, or leave it out")
        if self.online:
            for name in ("steps", "guidance_text", "guidance_speak", "guidance_listen"):
                if getattr(self, name) is not None:
                    raise InputError(
                        f"--online takes the steps that its model was distilled to, without guidance: "
                        f"leave out --{name.replace('_', '-')}"
                    )


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Performance:
    """One job: who performs which conversation, and where it goes."""

    character: Character
    turns: "tuple[Turn, ...]"
    settings: Settings
    out: Path
    seconds: float | None = None
    """How long it lasts; None: until a little after the last turn."""
    refs: Path | None = None
    first_frame: Path | None = None
    report: Path | None = None
    warnings: list[str] = field(default_factory=list)


def perform(job: Performance) -> None:
    """Generate and write the video and the report.

    Everything that can be wrong with the input is found before the model is loaded, and what can be wrong with the
    target before it runs.
    """
    from openlpm.media.audio import open_audio
    from openlpm.media.video import VideoWriter
    from openlpm.rollout.timeline import Timeline, Voice

    sounds = [open_audio(turn.path) for turn in job.turns]
    heard = Timeline(job.turns, sounds, seconds=job.seconds)
    # The video's sound track is read at its own pace, behind the model.
    shown = Timeline(job.turns, [sound.reader() for sound in sounds], seconds=job.seconds)
    references = references_of(job.character, job.refs, job.first_frame)
    motion = None if job.settings.motion is None else read_motion(job.settings.motion)
    require_writable(job.report)
    if job.report is not None and job.report.resolve() == job.out.resolve():
        raise InputError(f"--report {job.report} is the video itself; give the report another name")
    with VideoWriter(job.out, size=PICTURE_SIZE) as writer:
        engine = engines.load_engine(job.settings.model, job.settings.device, job.settings.stream)
        request = _request(job, heard, references, motion, has_choreographer=engine.has_choreographer)
        started = time.perf_counter()
        _write(job, engine, request, writer, speak=shown.source(Voice.SPEAK), listen=shown.source(Voice.LISTEN))
        seconds = time.perf_counter() - started
    speed = request.num_frames / max(seconds, 1e-6)
    if job.report is not None:
        _write_report(job, _report(job, engine, request, seconds))
    length_s = request.num_frames / FRAME_RATE_HZ
    told(f"{job.out}: {request.num_frames} frames ({length_s:.1f} s) in {seconds:.1f} s, {speed:.1f} fps")


def _request(
    job: Performance,
    timeline: "Timeline",
    references: "tuple[Reference, ...]",
    motion: MotionTrack | None,
    *,
    has_choreographer: bool,
) -> "GenerationRequest":
    from openlpm.flow.guidance import GuidanceScales
    from openlpm.rollout.request import DEFAULT_STEPS, GenerationRequest, usual_guidance
    from openlpm.rollout.timeline import Voice

    settings, usual = job.settings, usual_guidance(planned=job.settings.planned and has_choreographer)
    return GenerationRequest(
        references=references,
        speak=timeline.source(Voice.SPEAK),
        listen=timeline.source(Voice.LISTEN),
        num_frames=timeline.num_frames,
        caption=settings.text,
        prompts=tuple(sorted((prompt_of(text) for text in settings.then), key=lambda prompt: prompt.at_s)),
        motion=motion,
        planned=settings.planned,
        seed=settings.seed,
        steps=DEFAULT_STEPS if settings.steps is None else settings.steps,
        guidance=GuidanceScales(
            text=usual.text if settings.guidance_text is None else settings.guidance_text,
            speak=usual.speak if settings.guidance_speak is None else settings.guidance_speak,
            listen=usual.listen if settings.guidance_listen is None else settings.guidance_listen,
            motion=usual.motion if settings.guidance_motion is None else settings.guidance_motion,
        ),
    )


def prompt_of(text: str) -> "Prompt":
    """A later prompt as the command line writes it: seconds, then words.

    Raises:
        InputError: it does not begin with a number, or no words follow.
    """
    from openlpm.rollout.request import Prompt

    number, _, words = text.strip().partition(" ")
    try:
        at_s = float(number)
    except ValueError:
        at_s = math.nan
    if not 0 <= at_s < math.inf or not words.strip():
        raise InputError(f'--then {text!r}: give seconds from the start and then words, such as "2.5 She nods."')
    return Prompt(at_s=at_s, caption=words.strip())


def _write(
    job: Performance,
    engine: engines.Engine,
    request: "GenerationRequest",
    writer: "VideoWriter",
    *,
    speak: "AudioSource",
    listen: "AudioSource",
) -> None:
    from openlpm.media.mix import mix_voices

    with frames_progress("performing", request.num_frames) as progress:
        for frames_FCHW in (engine.stream if job.settings.online else engine.frames)(request, progress):
            first = writer.num_frames
            start, end = samples_at_frame(first), samples_at_frame(first + frames_FCHW.shape[0])
            sound_A = mix_voices(speak.read(start, end - start), listen.read(start, end - start))
            writer.write(as_pictures(frames_FCHW), sound_A)
        progress(request.num_frames, request.num_frames)
    if writer.num_frames != request.num_frames:
        raise OpenLPMError(f"the model made {writer.num_frames} frames where {request.num_frames} were asked for")


def _report(job: Performance, engine: engines.Engine, request: "GenerationRequest", seconds: float) -> dict[str, Any]:
    from openlpm.weights.fingerprint import folder_sha256

    online = job.settings.online
    settings = {
        "online": online,
        "stream": list(job.settings.stream),
        "text": request.caption,
        "then": [{"at_s": prompt.at_s, "text": prompt.caption} for prompt in request.prompts],
        "motion": None if job.settings.motion is None else str(job.settings.motion),
        "planned": request.planned,
        "seed": request.seed,
        "steps": None if online else request.steps,
        "guidance_text": None if online else request.guidance.text,
        "guidance_speak": None if online else request.guidance.speak,
        "guidance_listen": None if online else request.guidance.listen,
        "guidance_motion": None if online else request.guidance.motion,
        "device": engine.device,
    }
    return {
        "command": ["openlpm", *sys.argv[1:]],
        "version": __version__,
        "character": job.character.name,
        "references": [f"{each.kind}:{each.subtype}" for each in request.references],
        "turns": [
            {"who": str(turn.who), "file": str(turn.path), "at": turn.start_s, "gain": turn.gain} for turn in job.turns
        ],
        "settings": settings,
        "frames": request.num_frames,
        "seconds": round(seconds, 3),
        "fps": round(request.num_frames / max(seconds, 1e-6), 3),
        "weights": {"folder": engine.folder.name, "sha256": folder_sha256(engine.folder)},
        "warnings": job.warnings,
        "out": str(job.out),
    }


def _write_report(job: Performance, report: dict[str, Any]) -> None:
    assert job.report is not None
    try:
        job.report.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        job.report.unlink(missing_ok=True)
        raise InputError(f"{job.out} is written, but {job.report} cannot be: {error.strerror or error}") from error


def warn(job_warnings: list[str], text: str) -> None:
    """Show a warning now and keep it for the report."""
    note(text)
    job_warnings.append(text)
