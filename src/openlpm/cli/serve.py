"""``openlpm serve``: a page to talk to a character, in real time."""

import contextlib
import logging
import os
import secrets
import socket
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openlpm.core.errors import ConfigError

if TYPE_CHECKING:
    from openlpm.engine.engine import Engine
    from openlpm.rollout.online import OnlineConfig
    from openlpm.serving.sessions import MakeAgent
    from openlpm.serving.settings import ServerSettings

HELP = """Talk to a character in the browser: it listens, answers, and can be interrupted.

Examples:

  openlpm serve                             then open the address that it prints

  openlpm serve --card                      test cards in place of characters: is this machine fast enough?

  OPENLPM_SERVER_KEY=... openlpm serve --host 0.0.0.0 --public --origin https://example.org
"""

KEY_VARIABLE = "OPENLPM_SERVER_KEY"
NO_AGENT = "none"
_LOADING_S = 600.0


def serve(
    *,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one.")] = 8080,
    public: Annotated[bool, typer.Option("--public", help="Others may come in, with the server key.")] = False,
    origin: Annotated[list[str] | None, typer.Option(help="A web origin whose pages may use this server.")] = None,
    agent: Annotated[str, typer.Option(help="Who answers: offline, realtime, chain, or none.")] = "",
    sessions: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Characters at once; else as many as fit. More than fit at full quality are drawn a little coarser.",
        ),
    ] = None,
    model: Annotated[Path | None, typer.Option(help="A model folder; without it the one in the package.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    card: Annotated[bool, typer.Option("--card", help="Draw test cards instead of characters.")] = False,
    stun: Annotated[str, typer.Option(help="A STUN server for WebRTC behind a router: stun:HOST:PORT.")] = "",
    json_logs: Annotated[bool, typer.Option("--json-logs", help="Log as JSON, a line an event.")] = False,
) -> None:
    """Run the server until it is stopped."""
    require_live()
    from openlpm.serving.running import keep_memory_together, listen
    from openlpm.serving.settings import ServerSettings

    keep_memory_together()
    named_key = os.environ.get(KEY_VARIABLE, "")
    settings = ServerSettings(
        host=host,
        port=port,
        server_key=named_key or secrets.token_urlsafe(24),
        public=public,
        origins=tuple(origin or ()),
        stun=stun,
    )
    log_to_stderr(as_json=json_logs)
    make_agent = agents_of(agent)
    # Before the model is loaded: a port that is taken is known at once.
    listener = listen(host, port)
    try:
        engine = engine_of(card=card, sessions=sessions, model=model, device=device)
        engine.start()
        try:
            _tell(settings, listener, key_is_new=not named_key)
            _run(settings, listener, engine, make_agent)
        finally:
            engine.close()
    finally:
        listener.close()


def agents_of(name: str) -> "MakeAgent":
    """What makes the agents of sessions; ``name`` is the server's own choice.

    Raises:
        ConfigError: there is no agent of this name.
    """
    from openlpm.agents.agent import Agent
    from openlpm.agents.registry import make_agent, settings_from
    from openlpm.agents.settings import AgentKind, agent_kind
    from openlpm.agents.silence import Manners
    from openlpm.serving.quiet import QuietAgent
    from openlpm.serving.session import Wish

    usual = name or agent_kind(os.environ).value
    if usual != NO_AGENT and usual not in list(AgentKind):
        raise ConfigError(f"agent={name}: choose one of {', '.join([*AgentKind, NO_AGENT])}")
    settings = settings_from()
    told = Manners(greets=False, most_silences=0)

    def make(wish: Wish) -> Agent:
        chosen = wish.agent or usual
        if chosen == NO_AGENT:
            return QuietAgent()
        character = wish.character
        mine = replace(
            settings,
            character=character.name,
            seed=character.seed,
            feminine=character.feminine,
            instructions=f"{settings.instructions} {wish.prompt}".strip(),
        )
        if not wish.answers:
            return make_agent(AgentKind.OFFLINE, replace(mine, manners=told))
        return make_agent(chosen, mine)

    return make


def engine_of(*, card: bool, sessions: int | None, model: Path | None, device: str) -> "Engine":
    """An engine that is not started yet.

    Raises:
        InputError: this machine has no such device.
    """
    from openlpm.cli.engine import pick_device
    from openlpm.engine.engine import Engine, EngineConfig
    from openlpm.engine.stage import StageConfig
    from openlpm.engine.worker import CardConfig

    if card:
        return Engine(EngineConfig(stage=CardConfig(places=sessions or CardConfig().places)))
    place = str(pick_device(device))
    return Engine(EngineConfig(stage=StageConfig(model=model, device=place, online=way_of(model), places=sessions)))


def way_of(model: Path | None) -> "OnlineConfig | None":
    """How a model is to stream that was never taught to; None: it was."""
    from openlpm.recipes.online import online
    from openlpm.rollout.assembly import read_config
    from openlpm.weights import bundled

    if read_config(bundled.folder("nano") if model is None else model).online is not None:
        return None
    typer.echo("this model has not been distilled: it streams as Base with few steps, less sharp than it will be")
    return online(refiner=True)


def _tell(settings: "ServerSettings", listener: socket.socket, *, key_is_new: bool) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    typer.echo(f"OpenLPM listens on http://{host}:{listener.getsockname()[1]}/ (Ctrl-C ends it)")
    if key_is_new:
        typer.echo(f"server key, for clients other than the page: {settings.server_key}")


def _run(settings: "ServerSettings", listener: socket.socket, engine: "Engine", make_agent: "MakeAgent") -> None:
    from openlpm.serving.app import create_app
    from openlpm.serving.running import DrainingServer, config_of, settle_memory

    app = create_app(engine, settings, make_agent)
    settle_memory()
    server = DrainingServer(config_of(app, settings), app.state.serving.sessions, settings.limits.drain_s)
    failures: list[ConfigError] = []

    def watch() -> None:
        try:
            engine.wait_ready(_LOADING_S)
        except ConfigError as error:
            failures.append(error)
            server.should_exit = True

    watcher = threading.Thread(target=watch, name="engine watcher", daemon=True)
    watcher.start()
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn has done what the signal asks for and raises it again
        server.run(sockets=[listener])
    if failures:
        raise failures[0]
    typer.echo("stopped")


def require_live() -> None:
    """See that the packages of the extra are there.

    Raises:
        ConfigError: one is missing.
    """
    try:
        import aiortc  # noqa: F401  # pyright: ignore[reportUnusedImport]
        import fastapi  # noqa: F401  # pyright: ignore[reportUnusedImport]
        import prometheus_client  # noqa: F401  # pyright: ignore[reportUnusedImport]
        import python_multipart  # noqa: F401  # pyright: ignore[reportUnusedImport]
        import uvicorn  # noqa: F401  # pyright: ignore[reportUnusedImport]
        import websockets  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError as error:
        raise ConfigError(
            f"the Python package {error.name} is not installed; serving needs the extra: pip install 'openlpm[live]'"
        ) from error


def log_to_stderr(*, as_json: bool) -> None:
    """Set logging up for a command that runs for long."""
    from openlpm.serving.running import JsonLines, PlainLines

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if as_json else PlainLines())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    # uvicorn takes a socket that is refused with an answer for one that was forgotten.
    logging.getLogger("uvicorn.error").addFilter(lambda record: "without completing handshake" not in record.msg)
    for noisy in ("uvicorn", "aioice", "aiortc", "httpx"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
