"""The clips of the benchmark: test identities and held-out voices in a fixed mix of situations, from seeds."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import final

from openlpm.bench.crew import crew, num_workers
from openlpm.bench.progress import OnProgress, phase, unheard
from openlpm.core.errors import ConfigError
from openlpm.core.record import PerformanceRecord
from openlpm.core.rig import RigTrack
from openlpm.core.seeds import Split, generator, seeds_of
from openlpm.synth.act.actions import ACTIONS
from openlpm.synth.act.dialogue import ClipKind
from openlpm.synth.act.enact import is_held_out
from openlpm.synth.act.perform import ClipStyle, draw_style, perform
from openlpm.synth.look.identity import Identity, describe
from openlpm.synth.sound.speech_bank import SpeechBank, build

MIX = (
    ClipKind.SPEAK,
    ClipKind.LISTEN,
    ClipKind.LISTEN_THEN_SPEAK,
    ClipKind.SPEAK,
    ClipKind.DIALOGUE,
    ClipKind.SPEAK_THEN_LISTEN,
    ClipKind.IDLE,
    ClipKind.TRAP,
    ClipKind.BACKCHANNEL,
    ClipKind.INTERRUPTED,
)
"""Situations in turn, so that any number of clips holds all of them and four already speak and listen."""

StyleOf = Callable[[int, int], ClipStyle]
"""(index of the clip, its seed) -> its style."""

_UTTERANCES_A_CLIP, _FEWEST_UTTERANCES = 6, 12
_CHARACTERS = "bench"


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class CaseConfig:
    """Which clips; the same fields give the same people and texts (the synthesiser's sound may differ a little)."""

    count: int = 64
    num_frames: int = 144
    split: Split = Split.TEST
    seed: int = 0
    held_out: bool | None = None
    """Whether texts are in words that no training has seen; None: every other one is."""

    def __post_init__(self) -> None:
        if self.count < 2:
            raise ConfigError(f"count={self.count}: at least two clips are needed, each is the other's control")
        if self.num_frames < 48 or self.num_frames % 8:
            raise ConfigError(f"num_frames={self.num_frames}: give a multiple of 8, at least 48 (two seconds)")


@final
@dataclass(frozen=True, slots=True)
class Case:
    """One clip that is to be generated, with its truth."""

    record: PerformanceRecord
    identity: Identity
    kind: ClipKind

    @property
    def true_rig(self) -> RigTrack:
        """The true performance, (F, R)."""
        assert self.record.truth is not None
        return self.record.truth.rig_FR


def mixed_style(index: int, clip_seed: int) -> ClipStyle:
    """What is drawn for the seed, in the kind whose turn it is; a mouth acts only where nobody is heard."""
    drawn, kind = draw_style(clip_seed), MIX[index % len(MIX)]
    acts = tuple(cue for cue in drawn.actions if kind == ClipKind.IDLE or not ACTIONS[cue.action].uses_mouth)
    return replace(drawn, kind=kind, actions=acts)


def build_cases(
    config: CaseConfig, style_of: StyleOf = mixed_style, *, on_progress: OnProgress = unheard
) -> tuple[Case, ...]:
    """Synthesise the voices (``on_progress`` hears "voices") and perform every clip ("cases").

    Raises:
        ConfigError: the extra ``[tts]`` (espeak-ng) is not installed.
    """
    utterances = max(config.count * _UTTERANCES_A_CLIP, _FEWEST_UTTERANCES)
    with phase(on_progress, "voices", utterances) as report:
        bank = build(
            config.split,
            utterances,
            seed=config.seed,
            pool=crew(num_workers()),
            on_progress=lambda done, _: report(done),
        )
    with phase(on_progress, "cases", config.count) as report:
        return cases_from(bank, config, style_of, report)


def cases_from(
    bank: SpeechBank,
    config: CaseConfig,
    style_of: StyleOf = mixed_style,
    report: Callable[[int], None] = lambda _done: None,
) -> tuple[Case, ...]:
    """The clips spoken by the voices of a bank that was made before; ``report`` hears how many there are."""
    cases: list[Case] = []
    for index, identity_seed in enumerate(identity_seeds(config.split, config.count, config.seed)):
        clip_seed = 1_000_000 * (config.seed + 1) + index
        if config.held_out is not None:
            clip_seed = _seed_told(clip_seed + index, config.split, held_out=config.held_out)
        style = style_of(index, clip_seed)
        identity = Identity.from_seed(identity_seed)
        record = perform(
            identity_seed,
            clip_seed,
            bank,
            num_frames=config.num_frames,
            style=style,
            appearance=describe(identity).capitalize(),
        )
        cases.append(Case(record=record, identity=identity, kind=style.kind))
        report(len(cases))
    return tuple(cases)


def _seed_told(first: int, split: Split, *, held_out: bool) -> int:
    """``first`` or the seed after it, whichever is told in the wanted words; training has no others than usual ones."""
    if held_out and split == Split.TRAIN:
        raise ConfigError("held_out=True: no text of the training split is in held-out words; take another split")
    return first if is_held_out(split, first) == held_out else first + 1


def identity_seeds(split: Split, count: int, seed: int, purpose: str = _CHARACTERS) -> list[int]:
    """``count`` different identities of a split; another purpose gives (almost surely) other people."""
    everyone = seeds_of(split)
    chosen = generator(purpose, split, seed).choice(len(everyone), size=count, replace=False)
    return [everyone[int(index)] for index in chosen]
