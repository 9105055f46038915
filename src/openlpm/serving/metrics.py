"""Numbers about the server as Prometheus text; a registry of its own for every server."""

from typing import final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_MS = (5, 10, 20, 40, 80, 120, 160, 200, 250, 300, 400, 500, 700, 1_000, 1_500, 2_500, 5_000, 10_000)
_DRIFT_MS = (0, 5, 10, 20, 42, 83, 125, 250, 500, 1_000)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@final
class ServerMetrics:
    """What is counted; any thread may."""

    def __init__(self) -> None:
        own = CollectorRegistry()
        self._registry = own
        self.sessions = Gauge("sessions", "Sessions that run.", registry=own)
        self.tasks = Gauge("tasks", "Tasks of the event loop, while this is told.", registry=own)
        self.session_create_ms = Histogram(
            "session_create_ms", "From the request for a session to its answer.", buckets=_MS, registry=own
        )
        self.tts_first_pcm_ms = Histogram(
            "tts_first_pcm_ms",
            "From the end of a user's turn to the first sound of the agent.",
            buckets=_MS,
            registry=own,
        )
        self.avatar_first_frame_ms = Histogram(
            "avatar_first_frame_ms", "From joining the engine to the first picture.", buckets=_MS, registry=own
        )
        self.webrtc_first_frame_ms = Histogram(
            "webrtc_first_frame_ms", "From a WebRTC offer to the first picture that is sent.", buckets=_MS, registry=own
        )
        self.steady_chunk_ms = Histogram("steady_chunk_ms", "How long a chunk takes.", buckets=_MS, registry=own)
        self.voice_delay_ms = Histogram(
            "voice_delay_ms", "From the agent's first sample to when it is due.", buckets=_MS, registry=own
        )
        self.silent_ms = Histogram(
            "silent_ms", "From an interruption to the end of the voice's last frame.", buckets=_MS, registry=own
        )
        self.silent_picture_ms = Histogram(
            "silent_picture_ms",
            "From an interruption to the first picture that knows of it.",
            buckets=_MS,
            registry=own,
        )
        self.seen_ms = Histogram("seen_ms", "How late clients show pictures, as they say.", buckets=_MS, registry=own)
        self.av_drift_ms = Histogram(
            "av_drift_ms", "How far picture and sound are apart when they are sent.", buckets=_DRIFT_MS, registry=own
        )
        self.render_fps = Gauge(
            "render_fps", "Pictures a second while one is made, of the slowest session.", registry=own
        )
        self.queue_depth = Gauge("queue_depth", "Frames that wait to be sent, of the slowest viewer.", registry=own)
        self.frames = Counter("frames", "Moments that came due.", registry=own)
        self.held_frames = Counter("held_frames", "Moments whose picture was late.", registry=own)
        self.dropped = Counter("dropped", "Left out for a viewer that does not read.", ["what"], registry=own)
        self.interruptions = Counter("interruptions", "By voice or button.", ["by"], registry=own)
        self.errors = Counter("errors", "Refusals and failures by code.", ["code"], registry=own)

    def text(self) -> bytes:
        """All of it as Prometheus reads it."""
        return generate_latest(self._registry)
