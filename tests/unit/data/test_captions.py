import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from openlpm.core.emotion import EMOTIONS
from openlpm.core.errors import ConfigError, InputError
from openlpm.core.rig import State
from openlpm.core.units import AUDIO_RATE_HZ
from openlpm.data.captions.answers import Answers
from openlpm.data.captions.constant import changing_words, without_change
from openlpm.data.captions.describing import ServedDescriber, Showing
from openlpm.data.captions.endpoint import KEY_VARIABLE, URL_VARIABLE, Server, ServerConfig
from openlpm.data.captions.manner import manner_of, voice_tags
from openlpm.data.captions.part import Tag
from openlpm.data.captions.segments import SegmentConfig, segments_of
from openlpm.data.captions.stage import CaptionsConfig
from openlpm.data.captions.tags import INDEX, TAGS, Group, TagKind
from openlpm.data.captions.telling import tags_in, thresholds
from openlpm.data.captions.transcribing import Sentence, ServedTranscriber
from openlpm.data.captions.wording import Person, Stretch, content_of, lasting, said_of
from openlpm.data.pairing import part as pairing
from openlpm.synth.act.feelings import Course
from support.caption_server import backend

pytestmark = pytest.mark.unit

WHOLE = Stretch(first_frame=0, end_frame=240)


def tag(group: Group, name: str, start_s: float, end_s: float, certainty: float = 0.9) -> Tag:
    return Tag(group=group, name=name, start_s=start_s, end_s=end_s, certainty=certainty)


def voice(pitch_hz: float, syllables_hz: float, level: float, seconds: float = 2.0) -> np.ndarray:
    """A buzz that swells and ebbs."""
    time_A = np.arange(round(seconds * AUDIO_RATE_HZ)) / AUDIO_RATE_HZ
    buzz_A = sum(np.sin(2 * np.pi * pitch_hz * k * time_A) / k for k in range(1, 9))
    return (level * buzz_A * (0.55 - 0.45 * np.cos(2 * np.pi * syllables_hz * time_A))).astype(np.float32)


def test_a_tag_lasts_as_long_as_it_is_likely_and_short_gaps_do_not_end_it() -> None:
    likely_FT = np.zeros((100, len(TAGS)), np.float32)
    smile = INDEX[Group.EXPRESSION, "smile"]
    likely_FT[10:30, smile] = likely_FT[32:50, smile] = 0.95
    likely_FT[80:81, smile] = 0.95
    (found,) = tags_in(likely_FT, told={TagKind(Group.EXPRESSION, "smile"): 0.5})
    assert (found.name, found.start_s, found.end_s) == ("smile", round(10 / 24, 3), round(50 / 24, 3))


def test_tags_that_cannot_be_seen_are_not_told() -> None:
    told = tags_in(np.ones((48, len(TAGS)), np.float32))
    assert {(each.group, each.name) for each in told} == {(kind.group, kind.name) for kind in thresholds()}
    assert len(thresholds()) < len(TAGS)


def test_emotions_become_moods_with_their_course() -> None:
    state_F = np.full(240, State.SPEAK, np.int8)
    change = [tag(Group.EMOTION, "sad", 0, 4.5), tag(Group.EMOTION, "happy", 5, 10)]
    content = content_of(change, state_F, Person(), WHOLE)
    assert [mood.emotion for mood in content.moods] == ["sad", "happy"]
    assert content.course is Course.CHANGE
    later = content_of(change, state_F, Person(), Stretch(first_frame=144, end_frame=240))
    assert [mood.emotion for mood in later.moods] == ["happy"]
    assert content_of((), state_F, Person(), WHOLE).moods == ()


def test_a_listener_reacts_and_everybody_else_acts() -> None:
    nod = [tag(Group.ACTION, "nod", 2.0, 3.0)]
    listening = content_of(nod, np.full(240, State.LISTEN, np.int8), Person(), WHOLE)
    waiting = content_of(nod, np.full(240, State.IDLE, np.int8), Person(), WHOLE)
    assert (listening.reactions, listening.steps) == (("nod",), ())
    assert (waiting.reactions, [step.action for step in waiting.steps]) == ((), ["nod"])
    assert "nod" in said_of(nod, np.full(240, State.IDLE, np.int8), Person(), WHOLE, 3)


def test_times_of_a_stretch_count_from_its_beginning() -> None:
    bow = [tag(Group.ACTION, "bow", 6.0, 7.5)]
    content = content_of(bow, np.full(240, State.IDLE, np.int8), Person(), Stretch(first_frame=120, end_frame=240))
    assert content.steps[0].at_s == 1.0


def test_what_is_said_of_a_listener_does_not_change_with_time() -> None:
    person = Person(appearance="a man with a hat", persona="warm")
    for seed in range(60):
        text = lasting(person, seed, relationship="The other person is in the same conversation.")
        assert "a man" in text.lower()
        assert changing_words(text) == []


def test_words_for_what_changes_are_found() -> None:
    for emotion in EMOTIONS[1:]:
        said = said_of([tag(Group.EMOTION, emotion, 0, 10)], np.full(240, State.SPEAK, np.int8), Person(), WHOLE, 1)
        assert changing_words(said), said
    assert (
        without_change("She has red hair. She smiles at him. They are friends.")
        == "She has red hair. They are friends."
    )


def test_segments_never_cut_a_sentence_and_leave_nothing_out() -> None:
    config = SegmentConfig(least_s=2.0, most_s=6.0)
    for seed in range(200):
        rng = np.random.default_rng(seed)
        edges = np.sort(rng.uniform(0, 40, 2 * int(rng.integers(0, 8))))
        sentences = [Sentence(start_s=float(a), end_s=float(b)) for a, b in edges.reshape(-1, 2)]
        parts = segments_of(sentences, 960, config)
        assert parts[0].first_frame == 0
        assert parts[-1].end_frame == 960
        for part, following in pairwise(parts):
            assert part.end_frame == following.first_frame
            cut_s = part.end_frame / 24
            assert not any(each.start_s + 0.03 < cut_s < each.end_s - 0.03 for each in sentences)
        assert all(part.end_frame - part.first_frame >= 48 for part in parts)
    silent = segments_of((), 960, config)
    assert len(silent) == 7


@pytest.mark.parametrize(("pitch_hz", "rate_hz", "level"), [(90, 3.5, 0.02), (180, 4.5, 0.1), (300, 6.0, 0.2)])
def test_the_manner_of_a_voice_is_measured(pitch_hz: float, rate_hz: float, level: float) -> None:
    manner = manner_of(voice(pitch_hz, rate_hz, level))
    assert manner.pitch_hz == pytest.approx(pitch_hz, rel=0.05)
    assert manner.syllables_hz == pytest.approx(rate_hz, rel=0.2)
    louder = manner_of(voice(pitch_hz, rate_hz, 2 * level))
    assert louder.loudness_db - manner.loudness_db == pytest.approx(6.0, abs=0.1)


def test_what_stands_out_in_a_voice_is_a_tag_of_that_stretch() -> None:
    sound_A = np.concatenate([voice(300, 6.0, 0.3), np.zeros(AUDIO_RATE_HZ, np.float32), voice(90, 2.2, 0.005)])
    ends = (2 * AUDIO_RATE_HZ, 3 * AUDIO_RATE_HZ, 5 * AUDIO_RATE_HZ)
    own = (
        pairing.Stretch(first_sample=0, end_sample=ends[0]),
        pairing.Stretch(first_sample=ends[1], end_sample=ends[2]),
        pairing.Stretch(first_sample=ends[1], end_sample=ends[1] + 1000),
    )
    found = voice_tags(sound_A, own)
    assert {each.name for each in found if each.start_s == 0} == {"loud", "high", "fast"}
    assert {each.name for each in found if each.start_s == 3} == {"quiet", "low", "slow"}
    assert len(found) == 6


def test_a_model_is_asked_once_for_the_same_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    showing = Showing(pictures=(np.full((64, 64, 3), 90, np.uint8),), measured="A person waits.")
    with backend() as served:
        monkeypatch.setenv(URL_VARIABLE, served.url)
        monkeypatch.setenv(KEY_VARIABLE, "secret")
        first = ServedDescriber("seer", Server(), Answers(tmp_path)).describe(showing)
        served.description = "{}"
        again = ServedDescriber("seer", Server(), Answers(tmp_path)).describe(showing)
        assert first == again
        assert first.appearance == "a woman with a red scarf, wearing a coat"
        assert (first.persona, first.relationship) == ("warm", "She sits with a friend.")
        assert len(served.asked) == 1
        path, authorization, body = served.asked[0]
        asked = json.loads(body)
        assert (path, authorization, asked["model"]) == ("/v1/chat/completions", "Bearer secret", "seer")
        assert asked["messages"][0]["content"][1]["image_url"]["url"].startswith("data:image/jpeg;base64,")
        other = ServedDescriber("other", Server(), Answers(tmp_path)).describe(showing)
        assert other.appearance == ""
    assert not any(b"secret" in file.read_bytes() for file in tmp_path.rglob("*.json"))


def test_sentences_of_a_transcript_end_with_a_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with backend() as served:
        monkeypatch.setenv(URL_VARIABLE, served.url)
        hearer = ServedTranscriber("ear", Server(), Answers(tmp_path))
        sentences = hearer.transcribe(voice(120, 4, 0.1, seconds=5))
        assert [(each.start_s, each.end_s, each.words) for each in sentences] == [
            (0.4, 1.6, "One."),
            (2.2, 4.0, "Two and three."),
        ]
        assert hearer.transcribe(np.zeros(16_000, np.float32)) == ()
        assert b"RIFF" in served.asked[0][2]
        served.transcript = {"text": "All at once"}
        (whole,) = hearer.transcribe(voice(130, 4, 0.1, seconds=5))
        assert (whole.start_s, whole.end_s, whole.words) == (0.0, 5.0, "All at once")


def test_a_busy_server_is_asked_again_and_one_that_refuses_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    patience = ServerConfig(pause_s=0.0)
    with backend() as served:
        monkeypatch.setenv(URL_VARIABLE, served.url)
        server = Server(patience)
        served.failures = [503, 429]
        assert server.post("audio/transcriptions", data={})["text"]
        served.failures = [401]
        with pytest.raises(ConfigError, match=KEY_VARIABLE):
            server.post("audio/transcriptions", data={})
        served.failures = [500, 500, 500]
        with pytest.raises(ConfigError, match="run again"):
            server.post("audio/transcriptions", data={})
        with pytest.raises(ConfigError, match="404"):
            server.post("elsewhere", data={})
        url = served.url
    monkeypatch.setenv(URL_VARIABLE, url)
    with pytest.raises(ConfigError, match="does not answer"):
        Server(patience).post("chat/completions", json={})


def test_nonsense_is_an_error_of_that_unit_and_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    showing = Showing(pictures=(np.zeros((32, 32, 3), np.uint8),), measured="")
    with backend() as served:
        monkeypatch.setenv(URL_VARIABLE, served.url)
        describer = ServedDescriber("seer", Server(), Answers(tmp_path))
        served.description = "I cannot do that."
        with pytest.raises(InputError, match="JSON object"):
            describer.describe(showing)
        served.description = 'Sure: ```json\n{"appearance": "A man."}\n```'
        assert describer.describe(showing).appearance == "a man"


def test_a_damaged_answer_is_asked_for_again(tmp_path: Path) -> None:
    answers = Answers(tmp_path)
    assert answers.of("abc", lambda: 1) == 1
    (file,) = tmp_path.rglob("*.json")
    file.write_text("{")
    assert answers.of("abc", lambda: 2) == 2
    assert answers.of("abc", lambda: 3) == 2


def test_without_an_address_the_error_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(URL_VARIABLE, raising=False)
    with pytest.raises(ConfigError, match=URL_VARIABLE):
        Server()
    monkeypatch.setenv(URL_VARIABLE, "http://user:word@host/v1")
    with pytest.raises(ConfigError) as error:
        Server()
    assert "word@" not in str(error.value)


@pytest.mark.parametrize("value", ["", "endpoint:", "guess", "measured:x"])
def test_a_describer_that_there_is_not_is_refused(value: str) -> None:
    with pytest.raises(ConfigError, match="describer"):
        CaptionsConfig(describer=value)
    assert CaptionsConfig(describer="endpoint:a-model", transcriber="endpoint:whisper-1").pictures == 4
