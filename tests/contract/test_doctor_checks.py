"""Each check of ``openlpm doctor``, on a machine where it is well and on one where it is broken."""

import shutil
import socket
import sys
import threading
import tomllib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import metadata
from pathlib import Path

import pytest
import torch

from openlpm.cli.checks import agents, codecs, machine, model, network, packages
from openlpm.cli.checks.finding import Finding, Verdict
from openlpm.weights import bundled

pytestmark = pytest.mark.contract

OK, WEAK, MISSING = Verdict.OK, Verdict.WEAK, Verdict.MISSING


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the nano in the package, to be broken."""
    return Path(shutil.copytree(bundled.folder("nano"), tmp_path / "nano"))


def is_like(finding: Finding, verdict: Verdict, *words: str) -> bool:
    said = f"{finding.found} -> {finding.todo}"
    return finding.verdict is verdict and all(word in said for word in words)


@pytest.mark.parametrize(
    ("extra", "module"), [("live", "aiortc"), ("tts", "espeakng_loader"), ("train", "scipy"), ("data", "pocketsphinx")]
)
def test_a_package_that_cannot_be_imported_is_named_with_the_extra_that_has_it(
    monkeypatch: pytest.MonkeyPatch, extra: str, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    assert is_like(packages.extra(extra), MISSING, module, f"pip install 'openlpm[{extra}]'")


def test_the_extras_are_those_of_the_package(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    listed: dict[str, list[str]] = project["optional-dependencies"]
    of_module = metadata.packages_distributions()

    def expected(extra: str) -> set[str]:
        names = [requirement.split("=")[0].split(">")[0] for requirement in listed[extra]]
        included = {name for name in names if name.startswith("openlpm[")}
        return (set(names) - included).union(*(expected(name[8:-1]) for name in included))

    def found(modules: tuple[str, ...]) -> set[str]:
        # What is not installed here goes by its own name; of OpenCV's two packages ours is the one with more words.
        return {max(of_module.get(module, [module]), key=len).lower().replace("_", "-") for module in modules}

    assert set(packages.EXTRAS) | {"dev"} == set(listed)
    for extra, modules in packages.EXTRAS.items():
        assert found(modules) == expected(extra), extra
    base = {requirement.split("=")[0].split(">")[0] for requirement in project["dependencies"]}
    assert found(packages.BASE) == base


def test_another_torch_and_a_missing_package_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_like(packages.python(), OK, torch.__version__)
    monkeypatch.setattr(metadata, "requires", lambda _name: ["av>=14", "torch==9.9.9"])
    assert is_like(packages.python(), WEAK, "torch==9.9.9")
    monkeypatch.setitem(sys.modules, "cattrs", None)
    assert is_like(packages.python(), MISSING, "cattrs", "pip install openlpm")


def test_a_voice_that_is_silent_or_absent_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("espeakng_loader")
    assert is_like(packages.speech(), OK, "four words")
    monkeypatch.setattr(packages, "_QUIET", 10.0)
    assert is_like(packages.speech(), MISSING, "silence")
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    assert is_like(packages.speech(), MISSING, "openlpm[tts]")


@pytest.mark.parametrize("name", list(codecs.CODECS))
def test_a_codec_brings_back_what_it_was_given(name: str) -> None:
    finding = codecs.codec(name)
    assert finding.verdict is OK, finding


@pytest.mark.parametrize("name", ["h264", "aac"])
def test_a_codec_that_is_absent_or_brings_back_something_else_is_told(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    whole = codecs.CODECS[name]
    lame = codecs.Codec(encoder="libnothing", decoder=whole.decoder, pixels=whole.pixels, samples=whole.samples)
    monkeypatch.setitem(codecs.CODECS, name, lame)
    assert is_like(codecs.codec(name), MISSING, "libnothing", "pip install")
    monkeypatch.setitem(codecs.CODECS, name, whole)
    back = codecs._there_and_back
    monkeypatch.setattr(codecs, "_there_and_back", lambda *given: [faded(frame) for frame in back(*given)])
    assert is_like(codecs.codec(name), MISSING, "not what went in")


def faded(frame: object) -> object:
    class Faded:
        def to_ndarray(self, **how: str) -> object:
            return frame.to_ndarray(**how) * 0  # type: ignore[attr-defined]

    return Faded()


def test_pictures_come_back_and_a_kind_that_pillow_cannot_do_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_like(codecs.pictures(), OK, "PNG", "JPEG", "WebP")
    monkeypatch.setattr(codecs, "_PICTURES", ("PNG", "NOSUCH"))
    assert is_like(codecs.pictures(), MISSING, "NOSUCH")


def test_a_protocol_that_ffmpeg_does_not_know_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_like(codecs.protocols(), OK, "rtmp", "https")
    monkeypatch.setattr(codecs, "_PROTOCOLS", ("rtmp", "carrierpigeon"))
    assert is_like(codecs.protocols(), WEAK, "no carrierpigeon")


def flip(path: Path) -> None:
    blob = bytearray(path.read_bytes())
    blob[len(blob) // 2] ^= 1
    path.write_bytes(blob)


@pytest.mark.parametrize(
    ("harm", "word"),
    [
        (lambda folder: flip(next((folder / "speak").glob("*.safetensors*"))), "corrupt"),
        (lambda folder: next((folder / "vae").glob("*.safetensors*")).write_bytes(b"short"), "truncated"),
        (lambda folder: next((folder / "dit").glob("*.safetensors*")).unlink(), "missing"),
        (lambda folder: shutil.rmtree(folder / "text"), "text"),
        (lambda folder: (folder / "config.json").unlink(), "config.json"),
    ],
    ids=["one bit", "cut short", "a shard", "a part", "the configuration"],
)
def test_damaged_weights_are_named(copied: Path, harm: Callable[[Path], object], word: str) -> None:
    assert is_like(model.weights(copied), OK, "nano", "8 parts")
    harm(copied)
    assert is_like(model.weights(copied), MISSING, word, "again")


def test_damaged_judges_are_named(tmp_path: Path) -> None:
    for name in model.JUDGES:
        shutil.copytree(bundled.folder(name), tmp_path / name)
    assert is_like(model.judges(tmp_path), OK, "critic-mouth")
    flip(next((tmp_path / "critic-mouth").glob("*.safetensors*")))
    assert is_like(model.judges(tmp_path), MISSING, "critic-mouth", "corrupt")


def test_a_model_that_was_not_distilled_is_told_apart_from_one_that_was(copied: Path) -> None:
    from dataclasses import replace

    from openlpm.recipes.online import online
    from openlpm.rollout.assembly import read_config

    config = replace(read_config(copied), online=None, online_networks=())
    verdicts: list[Verdict] = []
    for way in (None, online()):
        write_config(copied, replace(config, online=way))
        verdicts.append(model.distilled(copied).verdict)
    assert verdicts == [WEAK, OK]


def write_config(folder: Path, config: object) -> None:
    from cattrs.preconf.json import make_converter

    (folder / "config.json").write_text(make_converter().dumps(config))


def test_the_trial_of_the_engine_gives_a_number_and_a_broken_model_its_reason(copied: Path) -> None:
    finding = model.speed(bundled.folder("nano"), 120.0)
    assert finding.verdict in {OK, WEAK}
    assert float(finding.found.split()[0]) > 0
    flip(next((copied / "vae").glob("*.safetensors*")))
    assert is_like(model.speed(copied, 120.0), MISSING, "corrupt")


def test_a_worker_that_does_not_answer_in_time_is_given_up() -> None:
    assert is_like(model.speed(bundled.folder("nano"), 0.0), MISSING, "no answer within 0 s")


def test_a_machine_that_is_too_slow_for_one_character_is_told() -> None:
    assert is_like(model.judged(40.0, places=1, device="cpu"), OK, "room for 1")
    assert is_like(model.judged(20.0, places=1, device="cpu"), WEAK, "20 frames a second", "GPU")


def test_a_port_that_is_taken_is_told_with_one_that_is_free() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        finding = network.port(port)
        assert is_like(finding, WEAK, str(port), "openlpm serve --port")
        assert finding.todo.split()[-1] != str(port)
    assert is_like(network.port(port), OK, str(port))


def test_two_peers_connect_and_one_that_cannot_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("aiortc")
    if not network._addresses():
        pytest.skip("this machine has no address but 127.0.0.1")
    assert is_like(network.webrtc(), OK, "picture and sound")
    assert is_like(network.webrtc(0.0), WEAK, "did not connect", "UDP")
    monkeypatch.setattr(network, "_addresses", list)
    assert is_like(network.webrtc(), WEAK, "no network address")


def test_a_codec_that_webrtc_lacks_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("aiortc")
    assert is_like(network.webrtc_codecs(), OK, "video/H264", "video/VP8", "audio/opus")
    monkeypatch.setattr(network, "_WANTED", {"video/none"})
    assert is_like(network.webrtc_codecs(), WEAK, "no video/none")


def test_little_memory_is_told_also_when_a_container_sets_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "meminfo"
    info.write_text("MemTotal: 9000000 kB\nMemAvailable: 8000000 kB\n")
    monkeypatch.setattr(machine, "_MEMORY_INFO", info)
    monkeypatch.setattr(machine, "_CGROUP", tmp_path)
    assert is_like(machine.memory(), OK, "7.6 GiB free")
    (tmp_path / "memory.max").write_text(f"{3 * 2**30}\n")
    (tmp_path / "memory.current").write_text(f"{2 * 2**30}\n")
    assert is_like(machine.memory(), WEAK, "1.0 GiB free", "container")
    (tmp_path / "memory.max").write_text("max\n")
    assert is_like(machine.memory(), OK, "7.6 GiB free")
    info.write_text("MemAvailable: 500000 kB\n")
    assert is_like(machine.memory(), WEAK, "0.5 GiB")


def test_a_processor_without_wide_instructions_and_a_quota_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "_CGROUP", tmp_path)
    monkeypatch.setattr(machine.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda _pid: {0, 1}, raising=False)
    assert is_like(machine.processor(), OK, "2 cores")
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert is_like(machine.processor(), OK, "2 cores")
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    assert is_like(machine.processor(), WEAK, "1.5 of the cores")
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda _pid: {0}, raising=False)
    assert is_like(machine.processor(), WEAK, "1 of the cores")
    monkeypatch.setattr(machine, "_CGROUP", tmp_path / "none")
    monkeypatch.setattr(machine.os, "cpu_count", lambda: 1)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"architecture": "x86_64"})
    assert is_like(machine.processor(), WEAK, "no AVX2")
    able = {"architecture": "x86_64", "avx2": True, "amx_int8": True}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    assert is_like(machine.processor(), OK, "AVX2, AMX")


def test_a_small_shared_memory_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_SHARED", tmp_path)
    monkeypatch.setattr(machine, "_SAVED_BYTES", 2**70)
    assert is_like(machine.shared_memory(), WEAK, "--shm-size=1g")
    monkeypatch.setattr(machine, "_SAVED_BYTES", 1)
    assert is_like(machine.shared_memory(), OK)


def test_a_gpu_that_torch_does_not_see_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if torch.cuda.is_available():
        assert is_like(machine.gpu(), OK, "GiB")
        return
    monkeypatch.setattr(machine, "_NVIDIA_DRIVER", tmp_path / "none")
    monkeypatch.setattr(machine.shutil, "which", lambda _name: None)
    assert is_like(machine.gpu(), OK, "none is needed")
    monkeypatch.setattr(machine, "_NVIDIA_DRIVER", tmp_path)
    monkeypatch.setattr(torch.version, "cuda", None)
    assert is_like(machine.gpu(), WEAK, "without CUDA")
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    assert is_like(machine.gpu(), WEAK, "driver")


def test_variables_are_named_and_a_misspelt_one_is_told() -> None:
    assert is_like(agents.variables({"HOME": "x"}), OK, "none of")
    assert is_like(agents.variables({"OPENLPM_AGENT": "chain", "OPENAI_API_KEY": "k"}), OK, "OPENAI_API_KEY")
    assert is_like(agents.variables({"OPENLPM_AGNET": "chain"}), WEAK, "nothing reads OPENLPM_AGNET")
    assert is_like(agents.variables({"OPENLPM_SERVER_KEY": "short"}), WEAK, "16 characters")


@pytest.fixture
def server() -> Iterator[str]:
    """Something at home that refuses everything, as servers do that want a key."""

    class Refuse(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(401)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Refuse) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"127.0.0.1:{listening.server_address[1]}"
        finally:
            listening.shutdown()
            thread.join()


def chain_at(address: str) -> dict[str, str]:
    urls = {f"OPENLPM_{service}_URL": f"http://{address}/v1" for service in ("STT", "CHAT")}
    return {"OPENLPM_AGENT": "chain", "OPENLPM_TTS": "espeak", **urls}


def test_servers_of_an_agent_are_named_and_asked_only_online(server: str) -> None:
    assert is_like(agents.agent({}), OK, "offline")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        silent = chain_at(f"127.0.0.1:{nobody.getsockname()[1]}")
        assert is_like(agents.agent(silent), OK, "chat at 127.0.0.1")
        assert is_like(agents.agent(silent, online=True), MISSING, "no answer from speech-to-text, chat")
    assert is_like(agents.agent(chain_at(server), online=True), OK, "all answer")
    spoken = {"OPENLPM_AGENT": "realtime", "OPENLPM_REALTIME_URL": f"ws://{server}/v1/realtime"}
    assert is_like(agents.agent(spoken, online=True), OK, "realtime at 127.0.0.1", "all answer")


def test_a_key_that_is_not_set_is_named_and_one_that_is_set_is_not() -> None:
    assert is_like(agents.agent({"OPENLPM_AGENT": "chain"}), WEAK, "OPENAI_API_KEY not set", "api.openai.com")
    assert is_like(agents.agent({"OPENLPM_AGENT": "chain", "OPENAI_API_KEY": "k"}), OK, "api.openai.com")


@pytest.mark.parametrize("address", ["http://[", "no address at all", "https://me:hush@x.invalid/v1"])
def test_an_address_that_is_none_fails_without_being_told(address: str) -> None:
    finding = agents.agent({"OPENLPM_AGENT": "chain", "OPENLPM_CHAT_URL": address}, online=False)
    assert finding.verdict is not OK
    assert "hush" not in finding.found + finding.todo
