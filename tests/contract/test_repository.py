"""What the repository as a whole promises: its size, its documents' commands, and who may print."""

import ast
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
import typer.testing

from openlpm.cli.main import app

pytestmark = pytest.mark.contract

MIB = 1024 * 1024
ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = "src/openlpm/weights/data/"
# A folder of one person's machine anywhere in a line; what stands before it must not be a name (`frame/work/` is fine).
MACHINE_PATH = re.compile(rb"(?<![\w.~-])/(?:work|root|home|Users|mnt|opt|workspace)/[\w.-]")
SHELL_BLOCK = re.compile(r"^```(?:sh|bash|shell|console)\n(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout: nothing says what is tracked")
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def is_weights(path: Path) -> bool:
    return ".safetensors" in path.suffixes or path.relative_to(ROOT).as_posix().startswith(WEIGHTS)


def heaviest(paths: list[Path]) -> str:
    largest = sorted(paths, key=lambda path: path.stat().st_size, reverse=True)[:5]
    return ", ".join(f"{path.relative_to(ROOT)} {path.stat().st_size / MIB:.2f} MiB" for path in largest)


def test_all_tracked_weights_together_weigh_at_most_44_mib(tracked: list[Path]) -> None:
    weights = [path for path in tracked if is_weights(path)]
    assert sum(path.stat().st_size for path in weights) <= 44 * MIB, heaviest(weights)


def test_all_that_is_tracked_weighs_at_most_52_mib(tracked: list[Path]) -> None:
    others = [path for path in tracked if not is_weights(path)]
    assert sum(path.stat().st_size for path in tracked) <= 52 * MIB, heaviest(others)


def test_no_tracked_text_names_a_folder_of_somebodys_machine(tracked: list[Path]) -> None:
    found: list[str] = []
    for path in tracked:
        content = b"" if is_weights(path) else path.read_bytes()
        if b"\0" not in content:
            lines = content.splitlines()
            found += [f"{path.relative_to(ROOT)}:{n}" for n, line in enumerate(lines, 1) if MACHINE_PATH.search(line)]
    assert not found


def test_a_machine_path_would_be_found() -> None:
    assert MACHINE_PATH.search(b"see " + b"/" + b"work/main/x")
    assert not MACHINE_PATH.search(b"tests/work/main, https://x.org/home/page")


def commands(command: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command and group of the command line with the words that call it."""
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, *path, name)


TREE = dict(commands(typer.main.get_command(app))) if app.registered_commands or app.registered_groups else {}


@pytest.mark.parametrize("path", list(TREE), ids=" ".join)
def test_every_command_explains_itself(path: tuple[str, ...]) -> None:
    result = typer.testing.CliRunner().invoke(app, [*path, "--help"])
    assert result.exit_code == 0, result.output
    assert (TREE[path].help or "").strip(), f"{path} says nothing of what it does"


def problem_of(line: str, targets: set[str]) -> str | None:
    """What is wrong with a line of a shell block, as far as that can be said without running it."""
    words = shlex.split(line, comments=True)
    if words[:1] == ["make"]:
        unknown = [word for word in words[1:] if "=" not in word and word not in targets]
        return f"make has no target {unknown}" if unknown else None
    if words[:1] != ["openlpm"]:
        return None
    path: tuple[str, ...] = ()
    rest = words[1:]
    while rest and (*path, rest[0]) in TREE:
        path, rest = (*path, rest[0]), rest[1:]
    if path not in TREE:
        return "the command line has no commands"
    if hasattr(TREE[path], "commands") and rest and not rest[0].startswith("-"):
        return f"no command {' '.join((*path, rest[0]))!r}"
    known = {
        "--help",
        *(option for parameter in TREE[path].params for option in (*parameter.opts, *parameter.secondary_opts)),
    }
    unknown = [word for word in rest if word.startswith("--") and word.split("=")[0] not in known]
    return f"openlpm {' '.join(path)} has no option {unknown}" if unknown else None


def shell_lines(text: str) -> Iterator[str]:
    for block in SHELL_BLOCK.findall(text):
        yield from (line.strip().removeprefix("$ ") for line in block.replace("\\\n", " ").splitlines())


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z][\w-]*):(?!=)", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_the_commands_in_the_documents_exist(tracked: list[Path]) -> None:
    targets = make_targets()
    problems = [
        f"{path.relative_to(ROOT)}: {line}: {problem}"
        for path in tracked
        if path.suffix == ".md"
        for line in shell_lines(path.read_text())
        if (problem := problem_of(line, targets))
    ]
    assert not problems, "\n".join(problems)


def test_a_wrong_command_in_a_document_would_be_found() -> None:
    text = "```sh\n$ make nonsense\nopenlpm \\\n  nonsense --out x\nls\n```\nmake outside\n"
    lines = list(shell_lines(text))
    assert [problem_of(line, make_targets()) is not None for line in lines] == [True, True, False]


def prints_in(source: str) -> list[int]:
    """Lines that call the built-in ``print``."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]


def test_only_the_command_line_prints() -> None:
    package = ROOT / "src" / "openlpm"
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted(package.rglob("*.py"))
        if "cli" not in path.relative_to(package).parts
        for line in prints_in(path.read_text())
    ]
    assert not found


def test_a_print_would_be_found() -> None:
    assert prints_in("x = 1\nprint(x)\nconsole.print(x)\n") == [2]
