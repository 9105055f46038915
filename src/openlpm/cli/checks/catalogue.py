"""All checks, in the order in which they are shown."""

from functools import partial
from pathlib import Path

from openlpm.cli.checks import agents, codecs, machine, model, network, packages
from openlpm.cli.checks.finding import Check, Need
from openlpm.weights import bundled

_TRIAL_S = 120.0
_NEEDED_BY_GENERATE = {"h264", "aac"}


def checks(chosen: Path | None = None, *, online: bool = False) -> list[Check]:
    """What there is to look at; ``chosen`` is a model folder, None the one in the package."""
    folder = bundled.root() / "nano" if chosen is None else chosen
    return [
        Check(name="Python and torch", need=Need.GENERATE, look=packages.python),
        Check(name="processor", need=Need.GENERATE, look=machine.processor),
        Check(name="memory", need=Need.GENERATE, look=machine.memory),
        Check(name="GPU", need=Need.GENERATE, look=machine.gpu),
        Check(name="weights", need=Need.GENERATE, look=partial(model.weights, folder)),
        Check(name="pictures", need=Need.GENERATE, look=codecs.pictures),
        *(
            Check(
                name=name,
                need=Need.GENERATE if name in _NEEDED_BY_GENERATE else Need.SERVE,
                look=partial(codecs.codec, name),
            )
            for name in codecs.CODECS
        ),
        Check(name="streaming", need=Need.SERVE, look=partial(model.distilled, folder)),
        Check(name="speed", need=Need.SERVE, look=partial(model.speed, folder, _TRIAL_S), takes_long=True),
        Check(name="shared memory", need=Need.SERVE, look=machine.shared_memory),
        Check(name="extra [live]", need=Need.SERVE, look=partial(packages.extra, "live")),
        Check(name="extra [tts]", need=Need.SERVE, look=partial(packages.extra, "tts")),
        Check(name="voice", need=Need.SERVE, look=packages.speech),
        Check(name="WebRTC codecs", need=Need.SERVE, look=network.webrtc_codecs),
        Check(name="WebRTC", need=Need.SERVE, look=network.webrtc),
        Check(name="port", need=Need.SERVE, look=network.port),
        Check(name="publishing", need=Need.SERVE, look=codecs.protocols),
        Check(name="variables", need=Need.SERVE, look=agents.variables),
        Check(name="agent", need=Need.SERVE, look=partial(agents.agent, online=online)),
        Check(name="extra [train]", need=Need.TRAIN, look=partial(packages.extra, "train")),
        Check(name="extra [data]", need=Need.DATA, look=partial(packages.extra, "data")),
        Check(name="judges", need=Need.BENCH, look=partial(model.judges, bundled.root())),
    ]
