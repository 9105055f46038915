"""Every pair of submissions on every case, asked in both orders, because such judges favour a side."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final, final
from urllib.parse import urlsplit

from openlpm.agents.endpoint import Endpoint, EndpointConfig
from openlpm.bench.arena.case import Case
from openlpm.bench.arena.entry import Entry
from openlpm.bench.arena.question import Choice, Question, Track
from openlpm.bench.judge.answers import Answers, key_of
from openlpm.bench.judge.asking import ASKABLE, Showing, ask
from openlpm.bench.judge.pictures import reference, strip
from openlpm.core.errors import ConfigError, OpenLPMError

URL, MODEL, KEY = "OPENLPM_JUDGE_URL", "OPENLPM_JUDGE_MODEL", "OPENLPM_JUDGE_KEY"
_AT_ONCE = 4
_SILENCE_S = 120.0
_TURNED: Final = {Choice.LEFT: Choice.RIGHT, Choice.RIGHT: Choice.LEFT}


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """What the model says of a pair; choices are from the first system's side, left is the first."""

    case: str
    track: Track
    question: Question
    first: str
    second: str
    forward: Choice
    """With the first system shown first."""
    backward: Choice
    """With it shown second, turned back."""

    @property
    def choice(self) -> Choice:
        """What holds in both orders; "same" where the order decided."""
        return self.forward if self.forward is self.backward else Choice.SAME

    def line(self, model: str) -> dict[str, object]:
        """For a file; secondary says that no ranking may use it."""
        return {
            "case": self.case,
            "track": self.track,
            "question": self.question,
            "first": self.first,
            "second": self.second,
            "choice": self.choice,
            "forward": self.forward,
            "backward": self.backward,
            "consistent": self.forward is self.backward,
            "model": model,
            "secondary": True,
        }


def endpoint_config(environment: Mapping[str, str]) -> EndpointConfig:
    """The judge that the environment names; its key is only ever named, never held.

    Raises:
        ConfigError: a variable is missing or cannot be.
    """
    for name in (URL, MODEL):
        if not environment.get(name):
            raise ConfigError(f"{name} is not set: give the address (with /v1) and the model of a server of the judge")
    try:
        openai = urlsplit(environment[URL]).hostname == "api.openai.com"
    except ValueError:
        openai = False
    # OpenAI's own key goes to no other server.
    key = "OPENAI_API_KEY" if openai and KEY not in environment else KEY
    return EndpointConfig(
        what="judge",
        setting=URL,
        url=environment[URL],
        model=environment[MODEL],
        key_variable=key,
        timeout_s=_SILENCE_S,
    )


def require_askable(questions: Sequence[Question]) -> None:
    """See that frames can answer the questions.

    Raises:
        ConfigError: one of them needs sound.
    """
    for question in questions:
        if question not in ASKABLE:
            raise ConfigError(f"question={question}: a judge of frames hears nothing; ask {', '.join(ASKABLE)}")


async def judge(
    config: EndpointConfig,
    cases: Mapping[str, Case],
    entries: Sequence[Entry],
    questions: Sequence[Question],
    answers: Answers,
    report: Callable[[int, int], None],
) -> list[Judgement]:
    """All judgements; what was answered before is not asked again.

    Raises:
        AgentError: the server failed; the answers so far are kept.
        InputError: a video cannot be read.
    """
    units = [
        (case, question, first, second)
        for first, second in combinations(sorted(entries, key=lambda entry: entry.name), 2)
        for name, case in cases.items()
        if name in first.videos and name in second.videos
        for question in questions
        if question in case.questions
    ]
    endpoint, places, done = Endpoint(config), asyncio.Semaphore(_AT_ONCE), 0

    async def settle(unit: tuple[Case, Question, Entry, Entry]) -> Judgement:
        nonlocal done
        async with places:
            judgement = await _judged(endpoint, answers, unit)
        done += 1
        report(done, len(units))
        return judgement

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(settle(unit)) for unit in units]
    except* OpenLPMError as failures:
        raise failures.exceptions[0] from None  # the first says what is wrong; the others were stopped for it
    finally:
        await endpoint.close()
    return [task.result() for task in tasks]


async def _judged(endpoint: Endpoint, answers: Answers, unit: tuple[Case, Question, Entry, Entry]) -> Judgement:
    case, question, first, second = unit
    picture = reference(case.references[0]) if case.references and question is not Question.MOTION else None
    strips = [await asyncio.to_thread(strip, entry.videos[case.id]) for entry in (first, second)]
    shown = Showing(
        question=question,
        first=strips[0],
        second=strips[1],
        reference=picture,
        instruction=case.instruction if question in (Question.INSTRUCTION, Question.OVERALL) else "",
    )
    forward = await _answered(endpoint, answers, shown)
    turned = await _answered(endpoint, answers, replace(shown, first=shown.second, second=shown.first))
    return Judgement(
        case=case.id,
        track=case.track,
        question=question,
        first=first.name,
        second=second.name,
        forward=forward,
        backward=_TURNED.get(turned, turned),
    )


async def _answered(endpoint: Endpoint, answers: Answers, shown: Showing) -> Choice:
    key = key_of(endpoint.config.model, shown)
    known = answers.find(key)
    if known is None:
        known = await ask(endpoint, shown)
        answers.keep(key, known)
    return known
