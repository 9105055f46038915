"""Many performances from one model.

A thread plans and delivers; a process of its own makes the pictures, so that neither ever waits for whoever reads.
Chunks are begun as late as they can be ready in time, the most urgent first: nobody is served twice before a neighbour
whose moment comes sooner. If the process ends, another is started and the performances go on from where they were last
saved; one under which it ends again and again is ended alone.
"""

import atexit
import pickle
import time
import uuid
from dataclasses import dataclass
from typing import final

from openlpm.core.errors import ConfigError, InputError, PerformanceEnded
from openlpm.engine.director import Director
from openlpm.engine.orders import Role, StageFacts
from openlpm.engine.performance import Host, Performance
from openlpm.engine.performer import Performer
from openlpm.engine.saved_folder import SavedFolder
from openlpm.engine.stage import StageConfig
from openlpm.engine.worker import CardConfig, Save
from openlpm.rollout.request import Reference
from openlpm.synth.act.planner import Planner

_SNAPSHOT_S = 30.0


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class EngineConfig:
    """What runs, and how."""

    stage: StageConfig | CardConfig
    planned: bool = True
    """Whether a planner leads head, gaze, lids and brows of a model that has no choreographer."""
    save_every_s: float = 10.0
    """How much of a performance is lost at most when the worker dies."""

    def __post_init__(self) -> None:
        if self.save_every_s <= 0:
            raise ConfigError(f"save_every_s={self.save_every_s}: give a time above 0 s")


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Joining:
    """Who is to perform, and how to begin."""

    references: tuple[Reference, ...]
    prompt: str = ""
    emotion: str = "neutral"
    intensity: float = 1.0
    seed: int = 0
    resume: bytes | None = None
    """A ``Performer.snapshot`` of the same model: pictures, words and noise are then as they were."""


@final
class Engine:
    """Performances on one stage. Methods may be called from any thread; ``join`` and ``close`` wait a little."""

    def __init__(self, config: EngineConfig) -> None:
        self.config = config
        self._folder = SavedFolder()
        self._director = Director(config.stage, self._folder.path, save_every_s=config.save_every_s)

    def start(self) -> None:
        """Start thread and worker; returns at once."""
        atexit.register(self.close)
        self._director.start()

    def wait_ready(self, timeout_s: float) -> bool:
        """Wait until performances can join; False if they cannot by then.

        Raises:
            ConfigError: they never will; the text says why.
        """
        settled = self._director.settled.wait(timeout_s)
        if self._director.failure:
            raise ConfigError(self._director.failure)
        return settled

    @property
    def is_ready(self) -> bool:
        """Whether performances can join and move."""
        return self._director.is_standing

    @property
    def facts(self) -> StageFacts | None:
        """What the stage is like, once it stands."""
        return self._director.facts

    @property
    def capacity(self) -> int:
        """Performances that fit, as measured when the stage was set up; 0 before."""
        return 0 if self.facts is None else self.facts.places

    @property
    def streams(self) -> int:
        """Performances now."""
        return self._director.count

    @property
    def restarts(self) -> int:
        """How often the worker had to be started again."""
        return self._director.restarts

    def join(self, joining: Joining, *, timeout_s: float = 30.0) -> Performer:
        """Begin a performance; waits until the model has read its pictures.

        Raises:
            NoRoom: as many as fit are there.
            ConfigError: a picture is of a wrong size or kind, an emotion unknown.
            InputError: the snapshot is none, or of another model.
            PerformanceEnded: the engine is not ready, or does not answer.
        """
        if not self.is_ready or self.facts is None:
            raise PerformanceEnded("the engine is not ready: wait for it, and see with `openlpm doctor` what it lacks")
        saved, asked_for = None, (joining.prompt, joining.emotion, joining.intensity)
        if joining.resume is not None:
            saved, asked_for = _unpacked(joining.resume)
        prompt, emotion, intensity = asked_for
        performance = Performance(
            uuid.uuid4().hex,
            Role(references=joining.references, caption=prompt, seed=joining.seed),
            self.facts,
            host=Host(now_s=time.monotonic, wake=self._director.wake, save=self._snapshot),
            planner=Planner(seed=joining.seed) if self.config.planned else None,
        )
        performance.set_emotion(emotion, intensity)
        self._director.admit(performance, saved, timeout_s)
        return performance

    def close(self) -> None:
        """End everything; a second call does nothing."""
        atexit.unregister(self.close)
        self._director.close()
        self._folder.close()

    def _snapshot(self, performance: Performance) -> bytes:
        saved = self._director.ask(Save(performance=performance.id, path=None), _SNAPSHOT_S)
        return pickle.dumps((saved, performance.asked_for))


def _unpacked(snapshot: bytes) -> tuple[bytes, tuple[str, str, float]]:
    try:
        saved, (prompt, emotion, intensity) = pickle.loads(snapshot)
    except (pickle.UnpicklingError, ValueError, TypeError, EOFError, AttributeError) as error:
        raise InputError(
            "resume: these bytes are no snapshot of a performance; give what `snapshot` returned"
        ) from error
    return saved, (prompt, emotion, intensity)
