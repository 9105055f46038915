"""Agents by name."""

import os
from collections.abc import Mapping
from dataclasses import replace

from openlpm.agents.agent import Agent
from openlpm.agents.offline import OfflineMind
from openlpm.agents.optional import live_package
from openlpm.agents.settings import AgentKind, AgentSettings, ServiceSettings, chain_settings, realtime_settings
from openlpm.agents.turn_agent import TurnAgent
from openlpm.agents.turns import TurnDetector
from openlpm.agents.voice import EspeakMouth, Mouth, voice_for
from openlpm.core.errors import ConfigError


def settings_from(environment: Mapping[str, str] | None = None) -> AgentSettings:
    """Settings as environment variables have them (``os.environ`` without an argument), of a character without a name.

    Raises:
        ConfigError: a variable holds what cannot be.
    """
    named = os.environ if environment is None else environment
    return AgentSettings(
        instructions=named.get("OPENLPM_INSTRUCTIONS", ""),
        realtime=realtime_settings(named),
        chain=chain_settings(named),
    )


def make_agent(name: str, settings: AgentSettings | None = None) -> Agent:
    """A new conversation with the agent ``name``, one of ``AgentKind``; made in the event loop that it is to live in.

    Raises:
        ConfigError: there is no such agent, or it lacks a package or a setting.
    """
    chosen = settings or AgentSettings()
    if name not in list(AgentKind):
        raise ConfigError(f"agent={name!r}: choose one of {', '.join(AgentKind)}")
    match AgentKind(name):
        case AgentKind.OFFLINE:
            mind = OfflineMind(chosen.character, chosen.seed)
            return TurnAgent(mind, _own_voice(chosen), TurnDetector(), chosen.manners)
        case AgentKind.CHAIN:
            return _chain(chosen)
        case AgentKind.REALTIME:
            live_package("websockets")
            from openlpm.agents.openai_realtime import RealtimeAgent

            instructions = chosen.instructions or chosen.realtime.instructions
            return RealtimeAgent(replace(chosen.realtime, instructions=_introduced(chosen, instructions)))


def _chain(settings: AgentSettings) -> Agent:
    live_package("httpx")
    from openlpm.agents.chain import ChainConfig, ChainMind
    from openlpm.agents.endpoint import Endpoint, EndpointConfig
    from openlpm.agents.services import ServerMouth

    def endpoint(what: str, variable: str, service: ServiceSettings) -> Endpoint:
        return Endpoint(
            EndpointConfig(
                what=what, setting=variable, url=service.url, model=service.model, key_variable=service.key_variable
            )
        )

    chain = settings.chain
    instructions = _introduced(settings, settings.instructions or ChainConfig().instructions)
    mouth: Mouth = (
        _own_voice(settings)
        if chain.mouth is None
        else ServerMouth(endpoint("text-to-speech", "OPENLPM_TTS_URL", chain.mouth), chain.voice)
    )
    ears = endpoint("speech-to-text", "OPENLPM_STT_URL", chain.ears)
    chat = endpoint("chat", "OPENLPM_CHAT_URL", chain.chat)
    mind = ChainMind(ears, chat, ChainConfig(instructions=instructions))
    return TurnAgent(mind, mouth, TurnDetector(), settings.manners)


def _own_voice(settings: AgentSettings) -> EspeakMouth:
    return EspeakMouth(voice_for(settings.seed, high=settings.feminine))


def _introduced(settings: AgentSettings, instructions: str) -> str:
    return f"Your name is {settings.character}. {instructions}"
