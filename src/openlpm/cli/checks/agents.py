"""Who answers: environment variables by name, and the servers behind the agents. Values stay where they are."""

import os
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from openlpm.agents.settings import AgentKind, agent_kind, chain_settings, realtime_settings
from openlpm.cli.checks.finding import Finding, missing, ok, weak

_PREFIX = "OPENLPM_"
_OPENAI_KEY = "OPENAI_API_KEY"
KNOWN: Final = frozenset(
    {
        *(f"OPENLPM_{name}" for name in "AGENT ARENA_SALT COMMIT DEBUG INSTRUCTIONS LANDMARKS_PYTHON".split()),
        *(f"OPENLPM_{name}" for name in "SERVER_KEY TEST_DATA TTS TTS_VOICE WHIP_TOKEN".split()),
        *(f"OPENLPM_REALTIME_{name}" for name in "URL MODEL VOICE DIALECT KEY".split()),
        *(f"OPENLPM_CAPTION_{name}" for name in "URL ANSWERS".split()),
        *(f"OPENLPM_JUDGE_{name}" for name in "URL MODEL KEY".split()),
        *(f"OPENLPM_{service}_{name}" for service in ("STT", "CHAT", "TTS") for name in "URL MODEL KEY".split()),
    }
)
"""Every variable that something reads; a test compares them with the source."""
_SHORTEST_KEY = 16
_ANSWER_S = 5.0


def variables(environment: Mapping[str, str] = os.environ) -> Finding:
    """Which are set, and whether anything reads them."""
    named = sorted(name for name in environment if name.startswith(_PREFIX) or name == _OPENAI_KEY)
    unknown = [name for name in named if name not in KNOWN and name != _OPENAI_KEY]
    found = ", ".join(named) or f"none of {_PREFIX}* and {_OPENAI_KEY} is set"
    if unknown:
        return weak(found, f"nothing reads {', '.join(unknown)}: see docs/agents.md for the right name")
    if 0 < len(environment.get("OPENLPM_SERVER_KEY", "")) < _SHORTEST_KEY:
        return weak(
            found, f"OPENLPM_SERVER_KEY: give at least {_SHORTEST_KEY} characters, or `openlpm serve` will not start"
        )
    return ok(found)


def agent(environment: Mapping[str, str] = os.environ, *, online: bool = False) -> Finding:
    """Which agent answers, by whose servers, with which key; ``online`` asks the servers whether they are there."""
    try:
        kind = agent_kind(environment)
        servers = _servers(kind, environment)
        hosts = [_host(url) for _, url, _ in servers]
    except ValueError:  # ours or of the address: its text holds the value, which may be a key in the wrong place
        return missing(
            "the variables of the agent are refused",
            "`openlpm serve` says which and why; OPENLPM_AGENT=offline needs none of them",
        )
    if not servers:
        return ok(f"{kind.value}: needs no server")
    found = f"{kind.value}: " + ", ".join(
        f"{what} at {host}" for (what, _, _), host in zip(servers, hosts, strict=True)
    )
    silent = [what for what, url, _ in servers if not _answers(url)] if online else []
    if silent:
        return missing(f"{found}; no answer from {', '.join(silent)}", "see the address, the network, and that it runs")
    keyless = sorted({key for _, url, key in servers if not environment.get(key) and not _is_here(url)})
    if keyless:
        return weak(f"{found}; {', '.join(keyless)} not set", f"set {' and '.join(keyless)} if the server wants a key")
    return ok(f"{found}: {'all answer' if online else 'see with --online whether they answer'}")


def _servers(kind: AgentKind, environment: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """What each is for, its address, and the name of the variable of its key."""
    match kind:
        case AgentKind.OFFLINE:
            return []
        case AgentKind.REALTIME:
            realtime = realtime_settings(environment)
            return [("realtime", realtime.url, realtime.key_variable)]
        case AgentKind.CHAIN:
            chain = chain_settings(environment)
            services = {"speech-to-text": chain.ears, "chat": chain.chat, "text-to-speech": chain.mouth}
            return [(what, each.url, each.key_variable) for what, each in services.items() if each is not None]


def _host(url: str) -> str:
    """Host and port alone: the rest of an address may hold a key."""
    return urlsplit(url).netloc.rpartition("@")[2] or "an address that is none"


def _is_here(url: str) -> bool:
    from openlpm.serving.settings import is_loopback

    return is_loopback(urlsplit(url).hostname or "")


def _answers(url: str) -> bool:
    """Whether anything speaks HTTP there; no key is sent, so a refusal is an answer too."""
    import httpx

    parts = urlsplit(url)
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    try:
        with httpx.Client(timeout=_ANSWER_S) as client:
            client.get(f"{scheme}://{parts.netloc.rpartition('@')[2]}/")
    except (httpx.HTTPError, httpx.InvalidURL):
        return False
    return True
