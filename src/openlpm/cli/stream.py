"""``openlpm stream``: a character that performs into a file or a live stream, without a browser."""

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, final

import typer

from openlpm.core.errors import ConfigError, InputError

if TYPE_CHECKING:
    from openlpm.engine.engine import Engine
    from openlpm.serving.sessions import MakeAgent

HELP = """Publish a character as it performs: a file, RTMP, or WHIP.

With --chat it is asked the lines of standard input.

Examples:

  openlpm stream --to talk.mp4 --say "Hello, I am Nell." --seconds 10

  openlpm stream --to rtmp://live.example.org/app/KEY

  OPENLPM_WHIP_TOKEN=... openlpm stream --to whip:https://live.example.org/whip
"""

TOKEN_VARIABLE = "OPENLPM_WHIP_TOKEN"
_READY_S = 300.0


def stream(
    *,
    to: Annotated[str, typer.Option(help="rtmp://..., whip:https://..., or a file (.mp4, .mkv, .flv).")],
    character: Annotated[str, typer.Option(help="A member of the cast: seed:N.")] = "seed:900024",
    say: Annotated[list[str] | None, typer.Option(help="Words to begin with; may be given again.")] = None,
    prompt: Annotated[str, typer.Option(help="How the character behaves.")] = "",
    agent: Annotated[str, typer.Option(help="Who answers: offline, realtime, chain, or none.")] = "",
    seconds: Annotated[float | None, typer.Option(min=1, help="How long; else until it is stopped.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    card: Annotated[bool, typer.Option("--card", help="Draw test cards instead of the character.")] = False,
    chat: Annotated[bool, typer.Option("--chat", help="Ask it the lines of standard input.")] = False,
) -> None:
    """Run one character for viewers elsewhere."""
    from openlpm.cli.serve import NO_AGENT, agents_of, engine_of, log_to_stderr, require_live

    require_live()
    log_to_stderr(as_json=False)
    logging.getLogger().setLevel(logging.WARNING)
    if agent == NO_AGENT and (say or chat):
        raise InputError(
            "--agent none: nobody is there who could say words; choose --agent offline, or leave out --say and --chat"
        )
    make_agent = agents_of(agent)
    _check(to)
    engine = engine_of(card=card, sessions=1, model=None, device=device)
    engine.start()
    try:
        if not engine.wait_ready(_READY_S):
            raise ConfigError(f"the engine was not ready after {_READY_S:.0f} s: use a faster machine, or --card")
        script = Script(character=character, prompt=prompt, words=tuple(say or ()), seconds=seconds, chat=chat)
        asyncio.run(_perform(engine, make_agent, to, script))
    finally:
        engine.close()
    typer.echo(to)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Script:
    """Who performs what for how long."""

    character: str
    prompt: str
    words: tuple[str, ...]
    seconds: float | None
    chat: bool


def _check(to: str) -> None:
    from openlpm.serving.broadcast import format_of
    from openlpm.serving.whip import PREFIX

    if not to.startswith(PREFIX):
        format_of(to)


async def _perform(engine: "Engine", make_agent: "MakeAgent", to: str, script: Script) -> None:
    from openlpm.engine.engine import Joining
    from openlpm.serving.characters import Characters
    from openlpm.serving.conversation import Conversation
    from openlpm.serving.metrics import ServerMetrics
    from openlpm.serving.publishing import open_channel, publish
    from openlpm.serving.refusals import Refusal
    from openlpm.serving.session import Wish

    characters = Characters()
    try:
        wish = Wish(character=await characters.find(script.character), prompt=script.prompt)
        references = await characters.references(wish.character)
    except Refusal as refusal:
        raise InputError(f"--character {script.character}: {refusal.message}") from None
    channel = open_channel(to, engine.facts.size if engine.facts else 0, whip_token=os.environ.get(TOKEN_VARIABLE, ""))
    performer = await asyncio.to_thread(engine.join, Joining(references=references, prompt=wish.prompt))
    conversation = Conversation(performer, make_agent(wish), tell=_complain, metrics=ServerMetrics())
    for line in script.words:
        conversation.say(line)
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    if script.seconds is not None:
        loop.call_later(script.seconds, done.set)
    for number in (signal.SIGINT, signal.SIGTERM):  # the file is finished, however it ends
        loop.add_signal_handler(number, done.set)
    if script.chat:
        threading.Thread(target=_ask_lines, args=(loop, conversation.ask), name="chat", daemon=True).start()
    await publish(conversation, channel, done)


def _complain(message: Mapping[str, Any]) -> None:
    if message["type"] == "trouble":
        typer.echo(f"openlpm: {message['message']}", err=True)


def _ask_lines(loop: asyncio.AbstractEventLoop, ask: Callable[[str], None]) -> None:
    for line in sys.stdin:
        if line.strip() and not loop.is_closed():
            loop.call_soon_threadsafe(ask, line.strip())
