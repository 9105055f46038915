"""Nano: the model that ships in the package and runs on a CPU."""

from enum import StrEnum

from openlpm.encoders.speech import SpeechConfig
from openlpm.encoders.text import TextConfig
from openlpm.flow.schedule import TimeDraw
from openlpm.recipes import models
from openlpm.rollout.assembly import CharacterConfig, WindowConfig
from openlpm.training.autoencoder import AutoencoderObjectiveConfig
from openlpm.training.base import BaseObjectiveConfig
from openlpm.training.focus import Focus
from openlpm.training.footage import FootageConfig
from openlpm.training.optimiser import OptimiserConfig
from openlpm.training.performance_reader import ReaderConfig
from openlpm.training.schedule import WarmStableDecay
from openlpm.training.trainer import TrainerConfig
from openlpm.training.traits import ClipMix
from openlpm.training.windows import WindowDraw, WindowLayout
from openlpm.vae.config import AutoencoderConfig, StageConfig

_TIME_SHIFT = 2.5
"""Training and sampling visit the noisy times more densely, by the same amount."""
TIMES = TimeDraw(shift=_TIME_SHIFT, early_share=0.3, early_shift=4.0)
"""Some times are drawn for the beginning, where it is decided what is done if no choreographer has said it."""
LATENT_FOCUS = Focus(mouth=5.0, eyes=4.0)
"""What errors of latent cells count in Base and in what is made of it."""

ACTING = 0.35
"""Share of windows that are drawn for an action: of the others about one in five names one."""


def character() -> CharacterConfig:
    """All sizes of nano: 256x256 at 24 fps, 64 tokens a latent frame, 6 latent frames a second."""
    return CharacterConfig(
        name="nano",
        vae=AutoencoderConfig(
            latent_channels=24,
            frames_per_latent=4,
            encoder=(
                StageConfig(width=96, blocks=2),
                StageConfig(width=160, blocks=2),
                StageConfig(width=256, blocks=3),
            ),
            decoder=(
                StageConfig(width=128, blocks=2),
                StageConfig(width=192, blocks=2),
                StageConfig(width=256, blocks=2),
            ),
        ),
        dit=models.nano(),
        speak=SpeechConfig(width=192, frames_per_token=1, lookahead_frames=2, dilations=(1, 2)),
        listen=SpeechConfig(width=160, frames_per_token=4, lookahead_frames=0, dilations=(1, 2)),
        text=TextConfig(width=160, num_tokens=64, buckets=2048, num_layers=2, num_heads=4),
        window=WindowConfig(frames=36, context=12, context_noise=0.1, time_shift=_TIME_SHIFT),
        choreographer=models.choreographer(),
    )


def footage(workers: int) -> FootageConfig:
    """Footage of one process: ten seconds a clip, a new identity in every clip."""
    return FootageConfig(num_utterances=9000, num_clips=6144, num_frames=240, workers=workers, acting=0.3)


def autoencoder(seconds: float) -> tuple[AutoencoderObjectiveConfig, TrainerConfig]:
    """Batch, loss and schedule of the autoencoder."""
    objective = AutoencoderObjectiveConfig(
        clips=16,
        latent_frames=3,
        noise=0.2,
        focus=Focus(mouth=6.0, eyes=4.0),
        gradient_weight=1.0,
        square_weight=2.0,
    )
    trainer = TrainerConfig(
        steps=200_000,
        seconds=seconds,
        optimiser=OptimiserConfig(lr=1.5e-3, weight_decay=0.0),
        schedule=WarmStableDecay(warmup_steps=200, decay_fraction=0.6),
        average_decay=0.998,
        record=True,
    )
    return objective, trainer


PROMPT_FRAMES, TOLD_AT_ONCE = 12, 0.4
"""Two seconds a prompt, as somebody directs a stream; the other windows are told all in one, as a file is asked for."""


class Lesson(StrEnum):
    """What Base learns at a time (the curriculum of LPM 1.0, section 2), or all of it at once."""

    SPEAK = "speak"
    """Lips to the own voice, and stillness without one."""
    LISTEN = "listen"
    """The partner's voice too, in all situations evenly."""
    REFERENCES = "references"
    """Views and expressions beside the global picture, and first frames."""
    CONTINUE = "continue"
    """Going on from given latents, as long performances do."""
    ALL = "all"
    """Everything mixed: for going on from a model that has been through the others."""


CURRICULUM = ((Lesson.SPEAK, 0.4), (Lesson.LISTEN, 0.25), (Lesson.REFERENCES, 0.15), (Lesson.CONTINUE, 0.2))
"""The lessons in turn and their shares of the time."""

_PLAIN = WindowLayout(frames=36, first=False, views=0, expressions=0)
_FIRST = WindowLayout(frames=24, first=True, views=0, expressions=0)
_SHOWN = WindowLayout(frames=30, first=False, views=4, expressions=5)
_SHOWN_FIRST = WindowLayout(frames=28, first=True, views=4, expressions=5)


def base(seconds: float, lesson: Lesson = Lesson.ALL) -> tuple[BaseObjectiveConfig, TrainerConfig]:
    """Batch, dropout and schedule of Base in one lesson."""
    early = lesson in (Lesson.SPEAK, Lesson.LISTEN)
    objective = BaseObjectiveConfig(
        windows=WindowDraw(
            token_frames=16 * 38,
            mix=ClipMix(listen=0.0, conversation=0.0) if lesson is Lesson.SPEAK else ClipMix(),
            layouts=(_PLAIN,) if early else (_PLAIN, _FIRST, _SHOWN, _SHOWN_FIRST),
            drop_text=0.15,
            drop_speak=0.08,
            drop_listen=1.0 if lesson is Lesson.SPEAK else 0.08,
            drop_all=0.05,
            give_motion=0.85,
            whole_motion=0.85,
            continue_share={Lesson.CONTINUE: 0.8, Lesson.ALL: 0.5}.get(lesson, 0.2),
            most_context=15,
            prompt_frames=PROMPT_FRAMES,
            told_at_once=TOLD_AT_ONCE,
            acting=ACTING,
        ),
        most_context_noise=0.3,
        times=TIMES,
        focus=LATENT_FOCUS,
        reader=ReaderConfig(weight=0.5),
    )
    trainer = TrainerConfig(
        steps=1_000_000,
        seconds=seconds,
        optimiser=OptimiserConfig(lr=2e-3, weight_decay=0.01),
        schedule=WarmStableDecay(warmup_steps=300, decay_fraction=0.6),
        average_decay=0.999,
        record=True,
    )
    return objective, trainer
