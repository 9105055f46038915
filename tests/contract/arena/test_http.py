"""The arena over HTTP: blind, idempotent, of this machine, and going on after a kill."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")

import httpx

from openlpm.bench.arena.votes import VoteStore
from support.arena import Served, write_bench, write_submission

pytestmark = pytest.mark.contract

RATER = {"x-rater": "a-rater-of-this-test"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("arena")
    cases = write_bench(folder / "bench", ("S", "S", "L", "L"))
    for name, shade in (("zebra", 40), ("quagga", 200), ("best", 120)):
        write_submission(folder / name, name, cases, shade=shade)
    return folder


def arguments(folder: Path, votes: Path, *more: str) -> list[str]:
    return [
        *(str(folder / name) for name in ("zebra", "quagga")), "--truth", str(folder / "best"),
        "--bench", str(folder / "bench"), "--votes", str(votes), "--clips", str(folder / "clips"), *more,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def served(folder: Path, repository: Path) -> Iterator[Served]:
    with Served(folder, arguments(folder, folder / "votes.sqlite"), repository / "src") as running:
        yield running


def ask(served: Served, path: str, body: Any, **headers: str) -> httpx.Response:
    return httpx.post(f"{served.url.rstrip('/')}{path}", json=body, headers={**RATER, **headers}, timeout=60)


def answer_of(trial: dict[str, Any], choice: str = "L") -> dict[str, Any]:
    return {"trial": trial["trial"], "answers": dict.fromkeys(trial["questions"], choice), "replays": 1, "ms": 900}


def test_a_trial_says_nothing_of_who_made_what(served: Served) -> None:
    response = ask(served, "/api/trials", {})
    told = response.json()
    files = [side["clip"] for side in told["sides"]]
    assert told["instruction"] == ""
    assert files == [f"/clips/{told['trial']}/left.mp4", f"/clips/{told['trial']}/right.mp4"]
    for address in (*files, told["reference"]):
        clip = httpx.get(served.url.rstrip("/") + address)
        assert clip.status_code == 200
        for name in ("zebra", "quagga", "best", "truth"):
            assert name not in response.text
            assert name.encode() not in clip.content
            assert name not in str(clip.headers)


def test_the_same_trial_comes_until_it_is_answered_and_an_answer_counts_once(served: Served, folder: Path) -> None:
    first = ask(served, "/api/trials", {}).json()
    assert ask(served, "/api/trials", {}).json()["trial"] == first["trial"]
    assert ask(served, "/api/votes", answer_of(first)).status_code == 201
    assert ask(served, "/api/votes", answer_of(first)).status_code == 200
    otherwise = ask(served, "/api/votes", answer_of(first, "R"))
    assert (otherwise.status_code, otherwise.json()["error"]["code"]) == (400, "bad_request")
    second = ask(served, "/api/trials", {}).json()
    assert second["trial"] != first["trial"]
    assert second["answered"] == 1
    store = VoteStore(folder / "votes.sqlite")
    assert [vote.trial.id for vote in store.votes()] == [first["trial"]] * len(first["questions"])
    store.close()


def test_no_file_of_the_study_holds_what_a_rater_sent(served: Served, folder: Path) -> None:
    for path in (folder / "votes.sqlite", folder / "votes.sqlite-wal", folder / "arena.log"):
        assert RATER["x-rater"].encode() not in path.read_bytes()
        assert b"127.0.0.1" not in path.read_bytes()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"trial": "x", "answers": {"lip": "L"}, "replays": 0, "ms": 0}, 400),
        ({"trial": "x", "answers": {"lip": "Q"}, "replays": 0, "ms": 0}, 400),
        ({"trial": "x", "answers": {"nose": "L"}, "replays": 0, "ms": 0}, 400),
        ({"trial": "x", "answers": [], "replays": 0, "ms": 0}, 400),
        ({"trial": "x", "answers": {"lip": "L"}, "replays": -1, "ms": 0}, 400),
        ({"trial": "x", "answers": {"lip": ["L"]}, "replays": 0, "ms": 0}, 400),
        ({"trial": "x" * 9_000}, 413),
        ([], 400),
    ],
)
def test_a_wrong_vote_is_refused_in_one_sentence(served: Served, body: Any, status: int) -> None:
    response = ask(served, "/api/votes", body)
    assert response.status_code == status
    assert set(response.json()["error"]) == {"code", "message"}


def test_only_raters_of_this_page_come_in(served: Served) -> None:
    root = served.url.rstrip("/")
    assert httpx.post(f"{root}/api/trials", json={}).status_code == 401
    assert ask(served, "/api/trials", {}, origin="https://elsewhere.example").status_code == 403
    assert httpx.get(root, headers={"host": "elsewhere.example"}).status_code == 403
    assert httpx.get(f"{root}/clips/x/left.mp4").status_code == 404
    assert httpx.get(f"{root}/clips/..%2f..%2fvotes/left.mp4").status_code == 404
    assert "media-src 'self' blob:" in httpx.get(root).headers["content-security-policy"]


def test_after_a_kill_the_arena_goes_on_with_every_vote_and_the_open_trial(folder: Path, repository: Path) -> None:
    votes = folder / "killed.sqlite"
    # Three entries: two have but four pairs in four cases, and whether a fifth trial comes is a matter of chance.
    with Served(folder, [str(folder / "best"), *arguments(folder, votes)], repository / "src") as running:
        done: list[str] = []
        for _ in range(2):
            for _ in range(2):
                trial = ask(running, "/api/trials", {}).json()
                assert ask(running, "/api/votes", answer_of(trial)).status_code == 201
                done.append(trial["trial"])
            waiting = ask(running, "/api/trials", {}).json()
            running.kill()
            running.start()
            again = ask(running, "/api/trials", {}).json()
            assert again["trial"] == waiting["trial"]
            assert again["answered"] == len(done)
            # The page does not know whether its last vote arrived: it sends it again.
            assert ask(running, "/api/votes", {**answer_of(trial)}).status_code == 200
    store = VoteStore(votes)
    assert sorted({vote.trial.id for vote in store.votes()}) == sorted(done)
    store.close()


def test_the_command_says_what_is_wrong_and_exports_what_is_there(folder: Path, tmp_path: Path, capsys: Any) -> None:
    from openlpm.cli.main import main

    few = [str(folder / "zebra"), "--bench", str(folder / "bench"), "--votes", str(tmp_path / "v.sqlite")]
    assert main(["bench", "arena", *few]) == 2
    assert "at least two" in capsys.readouterr().err
    assert main(["bench", "arena", "--mode", "loud", str(folder / "quagga"), *few]) == 2
    assert main(["bench", "arena", "export", "--votes", str(folder / "killed.sqlite"), "--out", str(tmp_path)]) == 0
    assert "4 votes of 1 raters" in capsys.readouterr().out
    told = json.loads((tmp_path / "arena.json").read_text())
    assert told["votes"] == len((tmp_path / "votes.jsonl").read_text().splitlines()) == 4
