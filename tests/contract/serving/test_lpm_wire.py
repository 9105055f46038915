"""An entry over the wire: a real server, both voices in real time, and what a viewer would have seen."""

import asyncio
import hashlib
from pathlib import Path

import numpy as np
import pytest

from openlpm.bench.lpm import streaming
from openlpm.bench.lpm.case import Case
from openlpm.bench.lpm.files import write_picture, write_sound
from openlpm.bench.lpm.folder import VERSION, Bench
from openlpm.bench.lpm.watching import lateness_s
from openlpm.bench.lpm.wired import Server, run_wired
from openlpm.core.errors import InputError, OpenLPMError
from openlpm.media.video import read_video

pytestmark = pytest.mark.contract

KEY = "a key for the tests of the server"
SECONDS = 3.0


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """One case: a voice with syllables of chance, and one picture."""
    folder = tmp_path / "lpm"
    assets = folder / "assets" / "V-1"
    assets.mkdir(parents=True)
    rng = np.random.default_rng(0)
    loud = np.repeat(rng.uniform(0.0, 0.5, size=round(SECONDS * 8)), 2_000)
    write_sound(assets / "speak.wav", (loud * np.sin(np.arange(loud.size) * 0.3)).astype(np.float32))
    write_picture(assets / "ref_0.png", np.full((256, 256, 3), 90, np.uint8))
    case = Case(
        id="V-1", track="V", sub="human_voice", domain="soft", dur=SECONDS, lang="en", frame="portrait", layer="human",
        char="c900001", script="V-1", seed_base=0, refs=("ref_0.png",), ref_kinds=("global/0",), speak="speak.wav",
        prompt={"text": "Somebody speaks.", "then": [{"at_s": 1.0, "text": "She nods."}]},
    )  # fmt: skip
    (folder / "cases.jsonl").write_text(case.line() + "\n")
    digest = hashlib.sha256((folder / "cases.jsonl").read_bytes()).hexdigest()
    (folder / "VERSION").write_text(f"{VERSION}\nsha256 {digest}\n")
    return Bench.open(folder)


def test_a_stream_is_kept_as_it_was_seen_with_the_time_of_every_frame(serve, run, bench: Bench, tmp_path: Path) -> None:
    case = bench.cases[0]

    async def play() -> None:
        async with serve() as running:
            server = Server(address=running.url, key=KEY)
            entry = await asyncio.to_thread(run_wired, server, bench, bench.cases, tmp_path / "entry")
            clip = read_video(entry.video(case))
            assert clip.frames_FHWC.shape == (72, 256, 256, 3)
            late = lateness_s(clip.samples_A[: round(SECONDS * 16_000)], bench.sound(case, "speak"))
            assert 0.0 <= late < 1.0
            moments = streaming.read_moments(entry.stream(case))
            assert [moment.i for moment in moments] == [streaming.ENTERS, *range(72)]
            seen = streaming.score(moments, case.num_frames)
            # How many come in time is the machine's; on a busy one most are late.
            assert sum(not moment.dropped for moment in moments) > 36
            # What is heard of the own voice is as late as the frames that are seen with it.
            assert 1000 * late < seen["latency_p95_ms"] < 3_000
            assert 0.0 < seen["first_frame_ms"] < 10_000
            # Nothing is streamed again that is there.
            first = entry.video(case).stat().st_mtime_ns
            await asyncio.to_thread(run_wired, server, bench, bench.cases, tmp_path / "entry")
            assert entry.video(case).stat().st_mtime_ns == first

    run(play())


def test_nobody_answers_and_nobody_has_a_key(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OpenLPMError, match="cannot be streamed from"):
        run_wired(Server(address="http://127.0.0.1:9", key=KEY), bench, bench.cases, tmp_path / "entry")
    monkeypatch.delenv("OPENLPM_SERVER_KEY", raising=False)
    with pytest.raises(InputError, match="OPENLPM_SERVER_KEY"):
        Server.at("ws://127.0.0.1:9")
    monkeypatch.setenv("OPENLPM_SERVER_KEY", KEY)
    assert Server.at("ws://127.0.0.1:9/").address == "http://127.0.0.1:9"
