"""``openlpm generate``: a character and voices in, a video with sound out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openlpm.cli.character import SEED_PREFIX, Character, cast_member, load_character
from openlpm.cli.performance import Performance, Settings, perform, warn
from openlpm.core.errors import InputError
from openlpm.core.units import AUDIO_RATE_HZ

if TYPE_CHECKING:
    from openlpm.rollout.timeline import Turn

HELP = """Make a character perform: listen to one voice, speak with another, idle where nobody talks.

Examples:

  openlpm generate --character seed:900007 --speak reply.wav --out out.mp4

  openlpm generate --character ada.png --listen question.wav --speak reply.wav --out out.mp4

  openlpm generate --character ada.png --refs ada_refs --timeline turns.json --text "smiles warmly" --out out.mp4

  openlpm generate --character ada.png --seconds 5 --out idle.mp4

  openlpm generate --character ada.png --seconds 8 --text "She waits." --then "2 She nods." --then "4 She waves."
  --out wave.mp4

  openlpm generate --character ada.png --seconds 8 --text "She first nods, then waves at 4 seconds." --out wave.mp4

  openlpm generate --online --model streaming --character ada.png --speak talk.wav --out out.mp4

A timeline is a JSON file; times are in seconds, both people may talk at once:

  {"turns": [{"who": "listen", "file": "question.wav", "at": 0}, {"who": "speak", "file": "reply.wav", "at": 3.2}]}

Without one the character listens first and replies 0.3 s after the question ends. The video ends 0.5 s after the last
word, or after --seconds: the character idles until then, and without any voice from the beginning.

What is done is decided by the model's choreographer, from voices and words. What --text orders ("first", "then", "at 4
seconds") is told when it is its turn, as --then is. A motion track (JSON) overrules the choreographer in any of yaw,
pitch, roll (radians; a face turned to picture right, looking up, tipped to the right is positive), shift_x, shift_y,
lean, gaze_x, gaze_y, blink_left, blink_right, brow_left, brow_right, jaw and the other mouth channels, smile, squint,
widen, furrow, blush, shoulder, breath, sway and the arms' channels, 24 rows a second; what it leaves out, and what
comes after its end, stays the choreographer's:

  {"fps": 24, "channels": ["yaw", "pitch"], "frames": [[0.0, 0.0], [0.02, 0.0]]}
"""

LEAN = (
    "How far to lean towards it; 1 follows it as learnt. By default 1.6 for motion, 1 for the others; "
    "with --unplanned: 2.5 for text, 2 for speak."
)
Scale = typer.Option(min=0.0, max=20.0, help=LEAN, show_default=False)


def generate(
    *,
    character: Annotated[str, typer.Option(help="A member of the cast (seed:N, 0 to 999999) or a PNG, JPEG or WebP.")],
    out: Annotated[Path, typer.Option(help="The video to write (.mp4).")],
    speak: Annotated[Path | None, typer.Option(help="What the character says: any sound file.")] = None,
    listen: Annotated[Path | None, typer.Option(help="What the character hears before or meanwhile.")] = None,
    timeline: Annotated[Path | None, typer.Option(help="Who says what when (JSON), instead of the two above.")] = None,
    aligned: Annotated[
        bool, typer.Option("--aligned", help="Both sounds are sides of one recording: start both at 0.")
    ] = False,
    seconds: Annotated[
        float | None,
        typer.Option(help="Length of the video, no shorter than the conversation.", show_default=False),
    ] = None,
    text: Annotated[str, typer.Option(help="English words about the performance.")] = "",
    then: Annotated[
        list[str] | None,
        typer.Option(help='Other words from a moment on, "SECONDS WORDS", such as "2.5 She nods." (repeatable).'),
    ] = None,
    refs: Annotated[
        Path | None, typer.Option(help="Folder of reference pictures, as `characters new --refs` writes.")
    ] = None,
    first_frame: Annotated[
        Path | None, typer.Option(help="A picture of the character that the video begins with.")
    ] = None,
    motion: Annotated[
        Path | None,
        typer.Option(help="Where head, eyes, mouth, body and arms are to be (JSON, below); the rest stays free."),
    ] = None,
    unplanned: Annotated[
        bool, typer.Option("--unplanned", help="Without the choreographer: what draws decides what is done, too.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another performance.")] = 0,
    steps: Annotated[
        int | None, typer.Option(min=1, max=1000, help="Denoising steps; more is slower.", show_default=False)
    ] = None,
    guidance_text: Annotated[float | None, Scale] = None,
    guidance_speak: Annotated[float | None, Scale] = None,
    guidance_listen: Annotated[float | None, Scale] = None,
    guidance_motion: Annotated[float | None, Scale] = None,
    model: Annotated[Path | None, typer.Option(help="A model folder; without it the bundled nano.")] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, or auto.")] = "auto",
    online: Annotated[
        bool,
        typer.Option("--online", help="Stream: chunk by chunk, hearing nothing early, by a model distilled for it."),
    ] = False,
    stream: Annotated[
        list[str] | None,
        typer.Option("--set", help="FIELD=VALUE: stream otherwise than taught, such as window_frames=6 (repeatable)."),
    ] = None,
    nearest: Annotated[
        bool, typer.Option("--nearest", help="Use the cast member that looks most like the picture.")
    ] = False,
    report: Annotated[Path | None, typer.Option(help="Write settings, speed and warnings to this JSON file.")] = None,
) -> None:
    """Check the options and perform."""
    warnings: list[str] = []
    turns = conversation(
        speak=speak, listen=listen, timeline=timeline, aligned=aligned, may_be_none=seconds is not None
    )
    for option, given in (("--refs", refs), ("--first-frame", first_frame)):
        if nearest and given is not None:
            raise InputError(f"--nearest replaces the character: leave out {option}, which shows the one replaced")
    chosen = _known(load_character(character), nearest=nearest, warnings=warnings)
    settings = Settings(
        text=text,
        then=tuple(then or ()),
        motion=motion,
        planned=not unplanned,
        seed=seed,
        steps=steps,
        guidance_text=guidance_text,
        guidance_speak=guidance_speak,
        guidance_listen=guidance_listen,
        guidance_motion=guidance_motion,
        model=model,
        device=device,
        online=online,
        stream=tuple(stream or ()),
    )
    perform(
        Performance(
            character=chosen,
            turns=turns,
            settings=settings,
            out=out,
            seconds=seconds,
            refs=refs,
            first_frame=first_frame,
            report=report,
            warnings=warnings,
        )
    )


def conversation(
    *,
    speak: Path | None,
    listen: Path | None,
    timeline: Path | None,
    aligned: bool = False,
    may_be_none: bool = False,
) -> "tuple[Turn, ...]":
    """The turns that the options ask for; none at all only where there ``may_be_none``.

    Raises:
        InputError: neither sounds nor a timeline, or both; or files that cannot be used.
    """
    from openlpm.media.audio import open_audio
    from openlpm.rollout.timeline import question_then_reply, read_turns

    if timeline is not None:
        if speak is not None or listen is not None or aligned:
            raise InputError("--timeline says who speaks when: leave out --speak, --listen and --aligned")
        return read_turns(timeline)
    if speak is None and listen is None and not may_be_none:
        raise InputError("there is nothing to perform: give --speak, --listen, --timeline, or --seconds to idle")
    listen_s = 0.0 if listen is None or aligned else open_audio(listen).num_samples / AUDIO_RATE_HZ
    return question_then_reply(listen=listen, speak=speak, listen_s=listen_s, aligned=aligned)


def _known(character: Character, *, nearest: bool, warnings: list[str]) -> Character:
    """The character, or the cast member closest to it; warns where the model has seen nothing like it."""
    if character.seed is not None:
        return character
    from openlpm.synth.look.nearest import nearest_members

    match = nearest_members(character.portrait_HWC, count=1)
    closest = match.members[0]
    if nearest:
        warn(warnings, f"{character.name} is played by {SEED_PREFIX}{closest.seed}, {closest.description}")
        return cast_member(closest.seed)
    if match.outside:
        warn(
            warnings,
            f"{character.name} looks like nobody in the drawn cast that this model was trained on "
            f"({match.reason}): expect a face that blurs, drifts or turns into a drawing; --nearest uses "
            f"{SEED_PREFIX}{closest.seed} instead, {closest.description}, the closest in colours and attributes",
        )
    return character
