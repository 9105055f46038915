"""How agents are set up: by a character and by environment variables; keys are only ever named, never held."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeVar, final
from urllib.parse import urlsplit

from openlpm.agents.realtime_messages import Dialect, RealtimeConfig
from openlpm.agents.silence import Manners
from openlpm.core.errors import ConfigError

OPENAI_URL: Final = "https://api.openai.com/v1"
_OPENAI_HOST: Final = "api.openai.com"
_ESPEAK: Final = "espeak"
_Kind = TypeVar("_Kind", bound=StrEnum)


class AgentKind(StrEnum):
    """Which agent."""

    OFFLINE = "offline"
    REALTIME = "realtime"
    CHAIN = "chain"


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceSettings:
    """One of the servers of the chain."""

    url: str = OPENAI_URL
    model: str
    key_variable: str = "OPENAI_API_KEY"


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ChainSettings:
    """The servers of the chain."""

    ears: ServiceSettings = field(default_factory=lambda: ServiceSettings(model="whisper-1"))
    chat: ServiceSettings = field(default_factory=lambda: ServiceSettings(model="gpt-4o-mini"))
    mouth: ServiceSettings | None = field(default_factory=lambda: ServiceSettings(model="gpt-4o-mini-tts"))
    """None: the voice of the offline agent."""
    voice: str = "alloy"


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class AgentSettings:
    """Everything that ``registry.make_agent`` wants to know."""

    character: str = "Nano"
    """What the character calls itself."""
    seed: int = 0
    """Of its voice and of the order of its replies."""
    feminine: bool | None = None
    """Whether its voice is a woman's or a man's; None leaves it to the seed."""
    instructions: str = ""
    """How a language model is to behave; empty: as its configuration says."""
    manners: Manners = field(default_factory=Manners)
    realtime: RealtimeConfig = field(default_factory=RealtimeConfig)
    chain: ChainSettings = field(default_factory=ChainSettings)

    def __post_init__(self) -> None:
        if not self.character.strip():
            raise ConfigError(f"character={self.character!r}: give the character a name")


def agent_kind(environment: Mapping[str, str]) -> AgentKind:
    """Which agent ``OPENLPM_AGENT`` asks for; without it the offline one.

    Raises:
        ConfigError: there is none of that name.
    """
    return _one_of(AgentKind, environment, "OPENLPM_AGENT", AgentKind.OFFLINE)


def realtime_settings(environment: Mapping[str, str]) -> RealtimeConfig:
    """The realtime endpoint that the variables ``OPENLPM_REALTIME_*`` describe.

    Raises:
        ConfigError: one of them cannot be.
    """
    usual = RealtimeConfig()
    url = environment.get("OPENLPM_REALTIME_URL", usual.url)
    return RealtimeConfig(
        url=url,
        model=environment.get("OPENLPM_REALTIME_MODEL", usual.model),
        voice=environment.get("OPENLPM_REALTIME_VOICE", usual.voice),
        dialect=_one_of(Dialect, environment, "OPENLPM_REALTIME_DIALECT", usual.dialect),
        instructions=environment.get("OPENLPM_INSTRUCTIONS", usual.instructions),
        key_variable=_key_variable("OPENLPM_REALTIME_KEY", url, environment),
    )


def chain_settings(environment: Mapping[str, str]) -> ChainSettings:
    """The servers that the variables ``OPENLPM_STT_*``, ``OPENLPM_CHAT_*`` and ``OPENLPM_TTS_*`` describe."""
    usual = ChainSettings()
    spoken_here = environment.get("OPENLPM_TTS", "") == _ESPEAK
    return ChainSettings(
        ears=_service("STT", usual.ears, environment),
        chat=_service("CHAT", usual.chat, environment),
        mouth=None if spoken_here or usual.mouth is None else _service("TTS", usual.mouth, environment),
        voice=environment.get("OPENLPM_TTS_VOICE", usual.voice),
    )


def _service(name: str, usual: ServiceSettings, environment: Mapping[str, str]) -> ServiceSettings:
    url = environment.get(f"OPENLPM_{name}_URL", usual.url)
    return ServiceSettings(
        url=url,
        model=environment.get(f"OPENLPM_{name}_MODEL", usual.model),
        key_variable=_key_variable(f"OPENLPM_{name}_KEY", url, environment),
    )


def _key_variable(own: str, url: str, environment: Mapping[str, str]) -> str:
    """The variable that holds the key: OpenAI's own goes to no other server."""
    try:
        is_openai = urlsplit(url).hostname == _OPENAI_HOST
    except ValueError:
        is_openai = False  # the configuration of the endpoint refuses it and says why
    return "OPENAI_API_KEY" if is_openai and own not in environment else own


def _one_of(kinds: type[_Kind], environment: Mapping[str, str], name: str, usual: _Kind) -> _Kind:
    value = environment.get(name, usual.value)
    if value not in list(kinds):
        raise ConfigError(f"{name}={value!r}: choose one of {', '.join(kinds)}")
    return kinds(value)
