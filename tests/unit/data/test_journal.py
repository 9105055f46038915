from pathlib import Path

import pytest

from openlpm.core.errors import InputError
from openlpm.data.journal import Entry, Journal, entries, write_whole
from openlpm.data.records import Record

pytestmark = pytest.mark.unit


def an_entry(number: int) -> Entry:
    record = Record(stage="s", parent=f"in{number}", parts={"n": {"value": number, "word": "ä" * number}})
    return Entry(input_id=f"in{number}", records=(record,), cpu_s=0.25, media_s=1.5)


def filled(path: Path, count: int) -> bytes:
    with Journal(path) as journal:
        for number in range(count):
            journal.append(an_entry(number))
    return path.read_bytes()


def test_a_journal_that_was_cut_anywhere_goes_on_with_nothing_lost_or_doubled(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    whole = filled(path, 4)
    ends = [at + 1 for at, byte in enumerate(whole) if byte == 0x0A]
    for cut in sorted(
        {*range(0, len(whole) + 1, 37), *(end + by for end in ends for by in (-1, 0, 1) if end + by <= len(whole))}
    ):
        path.write_bytes(whole[:cut])
        with Journal(path) as journal:
            there = sum(f"in{number}" in journal for number in range(4))
            assert there == sum(end <= cut for end in ends)
            for number in range(4):
                journal.append(an_entry(number))
            assert journal.read("in3") == an_entry(3)
        assert path.read_bytes() == whole


def test_a_line_with_a_flipped_bit_and_what_follows_are_made_again(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    whole = filled(path, 3)
    second = whole.index(b"\n") + 30
    path.write_bytes(whole[:second] + bytes([whole[second] ^ 1]) + whole[second + 1 :])
    with Journal(path) as journal:
        assert ["in0" in journal, "in1" in journal, "in2" in journal] == [True, False, False]


def test_what_is_there_is_not_written_twice(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    whole = filled(path, 2)
    assert filled(path, 2) == whole
    assert [entry.input_id for entry in entries(path)] == ["in0", "in1"]


def test_a_file_is_replaced_whole_or_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "manifest.jsonl"
    write_whole(path, ["one", "two"])

    def broken() -> object:
        yield "three"
        raise KeyError

    with pytest.raises(KeyError):
        write_whole(path, broken())
    assert path.read_text() == "one\ntwo\n"
    with pytest.raises(InputError, match="cannot be written"):
        write_whole(tmp_path / "nowhere" / "manifest.jsonl", [])
