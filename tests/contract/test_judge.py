"""The judge against a real HTTP server that speaks the interface of OpenAI, well and badly."""

import asyncio
import base64
import contextlib
import io
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from PIL import Image

from openlpm.bench.arena.question import Choice
from openlpm.bench.judge.answers import Answers
from openlpm.bench.judge.asking import choice_in
from openlpm.bench.judge.judging import endpoint_config
from openlpm.cli.main import main
from openlpm.core.errors import ConfigError
from openlpm.serving.running import listen
from support.arena import write_bench, write_submission

pytestmark = pytest.mark.contract

KEY = "sk-this-must-never-be-shown"


class Model:
    """Prefers bright clips; or always the first; or fails."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.keys: set[str] = set()
        self.first_always = False
        self.fail_after: int | None = None
        self.status = 500
        self.words = "Here it is: {}"
        self.url = ""

    async def answer(self, request: Request) -> Response:
        asked = await request.json()
        self.keys.add(request.headers.get("authorization", ""))
        if self.fail_after is not None and len(self.asked) >= self.fail_after:
            return JSONResponse({"error": {"message": f"bad key {KEY}"}}, status_code=self.status)
        self.asked.append(asked)
        first, second = (brightness(each) for each in pictures(asked)[-2:])
        choice = "A" if self.first_always or first > second else "same" if first == second else "B"
        content = self.words.format(json.dumps({"choice": choice, "why": "..."}))
        return JSONResponse({"choices": [{"message": {"content": content}}]})


def pictures(asked: dict[str, Any]) -> list[str]:
    return [part["image_url"]["url"] for part in asked["messages"][0]["content"] if part["type"] == "image_url"]


def brightness(address: str) -> float:
    data = base64.b64decode(address.removeprefix("data:image/jpeg;base64,"))
    return sum(Image.open(io.BytesIO(data)).convert("L").resize((1, 1)).tobytes())


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[Model]:
    model, app = Model(), FastAPI()
    app.add_api_route("/v1/chat/completions", model.answer, methods=["POST"])
    listener = listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    model.url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    monkeypatch.setenv("OPENLPM_JUDGE_URL", model.url)
    monkeypatch.setenv("OPENLPM_JUDGE_MODEL", "a-model")
    monkeypatch.setenv("OPENLPM_JUDGE_KEY", KEY)
    try:
        yield model
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        listener.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("judge")
    cases = write_bench(folder / "bench", ("S", "T"))
    for name, shade in (("dark", 30), ("bright", 220)):
        write_submission(folder / name, name, cases, shade=shade)
    return folder


def judge(folder: Path, out: Path, *more: str) -> int:
    systems = [str(folder / "dark"), str(folder / "bright")]
    return main(["bench", "judge", *systems, "--bench", str(folder / "bench"), "--out", str(out), *more])


def lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.read_text().splitlines()]


def test_the_judge_sees_both_orders_and_marks_what_it_says_as_secondary(
    model: Model, folder: Path, tmp_path: Path, capsys: Any
) -> None:
    assert judge(folder, tmp_path / "out.jsonl") == 0
    found = lines(tmp_path / "out.jsonl")
    # Two cases: motion, identity, overall of both, instruction of the one that has any.
    assert len(found) == 7
    assert len(model.asked) == 14
    assert {line["first"] for line in found} == {"bright"}
    assert all(line["choice"] == "L" and line["consistent"] and line["secondary"] for line in found)
    told = capsys.readouterr()
    assert "no ranking may use it" in told.out
    assert KEY not in told.out + told.err + (tmp_path / "out.jsonl").read_text()
    assert model.keys == {f"Bearer {KEY}"}
    identity = [asked for asked in model.asked if "reference picture" in asked["messages"][0]["content"][0]["text"]]
    assert identity
    assert all(len(pictures(asked)) == 3 for asked in identity)
    assert any("wave left" in asked["messages"][0]["content"][0]["text"] for asked in model.asked)


def test_a_judge_that_favours_a_side_says_nothing(model: Model, folder: Path, tmp_path: Path, capsys: Any) -> None:
    model.first_always = True
    assert judge(folder, tmp_path / "out.jsonl", "--question", "overall") == 0
    found = lines(tmp_path / "out.jsonl")
    assert [(line["choice"], line["consistent"]) for line in found] == [("S", False)] * 2
    assert "0 of 2" in capsys.readouterr().out


def test_what_was_answered_is_not_asked_again_after_a_failure(
    model: Model, folder: Path, tmp_path: Path, capsys: Any
) -> None:
    out = tmp_path / "out.jsonl"
    model.fail_after = 5
    assert judge(folder, out) == 2
    assert "judge server" in (told := capsys.readouterr()).err
    assert KEY not in told.err
    assert not out.exists()
    kept = len((tmp_path / "out.jsonl.answers").read_text().splitlines())
    assert kept == 5
    model.fail_after = None
    assert judge(folder, out) == 0
    assert len(model.asked) == 14
    assert judge(folder, out) == 0
    assert len(model.asked) == 14


@pytest.mark.parametrize("words", ["no JSON {{", '{{"choice": "maybe"}}'])
def test_an_answer_that_is_none_is_an_error_and_not_a_vote(
    model: Model, folder: Path, tmp_path: Path, words: str, capsys: Any
) -> None:
    model.words = words
    assert judge(folder, tmp_path / "out.jsonl") == 2
    assert "cannot be read" in capsys.readouterr().err
    assert (tmp_path / "out.jsonl.answers").read_text() == ""


def test_a_refused_key_is_said_without_showing_it(model: Model, folder: Path, tmp_path: Path, capsys: Any) -> None:
    model.fail_after, model.status = 0, 401
    assert judge(folder, tmp_path / "out.jsonl") == 2
    told = capsys.readouterr().err
    assert "OPENLPM_JUDGE_KEY" in told
    assert KEY not in told


def test_questions_of_sound_and_a_missing_address_are_refused(folder: Path, tmp_path: Path, capsys: Any) -> None:
    assert judge(folder, tmp_path / "out.jsonl", "--question", "lip") == 2
    assert "hears nothing" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="OPENLPM_JUDGE_URL is not set"):
        endpoint_config({})
    openai = {"OPENLPM_JUDGE_URL": "https://api.openai.com/v1", "OPENLPM_JUDGE_MODEL": "m"}
    assert endpoint_config(openai).key_variable == "OPENAI_API_KEY"
    elsewhere = {**openai, "OPENLPM_JUDGE_URL": "http://127.0.0.1:9/v1"}
    assert endpoint_config(elsewhere).key_variable == "OPENLPM_JUDGE_KEY"


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ('{"choice": "A"}', Choice.LEFT),
        ('I think {"x": 1} so ```json\n{"choice": " b "}\n```', Choice.RIGHT),
        ('{"choice": "cannot tell"}', Choice.CANNOT_TELL),
        ('{"choice": ["A"]}', None),
        ("A", None),
    ],
)
def test_choices_are_read_from_json_within_words(text: str, choice: Choice | None) -> None:
    assert choice_in(text) is choice


def test_a_line_that_a_crash_cut_in_halves_costs_that_answer_alone(tmp_path: Path) -> None:
    path = tmp_path / "answers"
    with contextlib.closing(Answers(path)) as answers:
        answers.keep("a", Choice.SAME)
    path.write_bytes(path.read_bytes() + b'{"key": "b", "cho')
    with contextlib.closing(Answers(path)) as answers:
        assert answers.find("a") is Choice.SAME
        assert answers.find("b") is None
        answers.keep("b", Choice.LEFT)
    with contextlib.closing(Answers(path)) as answers:
        assert answers.find("b") is Choice.LEFT
