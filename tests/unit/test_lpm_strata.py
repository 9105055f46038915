"""Which cases there are, before any is made."""

from collections import Counter

import pytest

from openlpm.bench.lpm.case import Case
from openlpm.bench.lpm.strata import DOMAINS, STRATA, Tier, Track, places
from openlpm.core.errors import InputError

pytestmark = pytest.mark.unit


def test_there_are_a_thousand_cases_of_which_two_hundred_are_sealed() -> None:
    assert sum(stratum.full for stratum in STRATA) == 1000
    assert len(list(places(Tier.FULL))) == 800
    assert len(list(places(Tier.FULL, sealed=True))) == 200
    assert Counter(place.stratum.track for place in places(Tier.SMOKE)) == {
        Track.SPEAKING: 18, Track.LISTENING: 12, Track.CONVERSATION: 12, Track.TEXT: 7, Track.LONG: 3, Track.GENERAL: 8,
    }  # fmt: skip


def test_tiers_nest_and_never_hold_a_sealed_case() -> None:
    smoke, core, full = ({place.case_id for place in places(tier)} for tier in Tier)
    assert (len(smoke), len(core), len(full)) == (60, 300, 800)
    assert smoke < core < full
    assert not full & {place.case_id for place in places(Tier.FULL, sealed=True)}


@pytest.mark.parametrize("tier", list(Tier))
def test_every_domain_has_about_a_quarter_of_each_tier(tier: Tier) -> None:
    counts = Counter(place.domain for place in places(tier))
    assert set(counts) == set(DOMAINS)
    assert max(counts.values()) <= 1.2 * min(counts.values())


def test_every_script_is_played_in_all_four_domains() -> None:
    scripts: dict[int, set[str]] = {}
    for place in [*places(Tier.FULL), *places(Tier.FULL, sealed=True)]:
        if place.stratum.track is Track.GENERAL:
            scripts.setdefault(place.block, set()).add(place.domain)
    assert len(scripts) == 25
    assert all(domains == set(DOMAINS) for domains in scripts.values())


def test_no_emotion_belongs_to_one_domain() -> None:
    pairs = {(place.index % 16, place.domain) for place in places(Tier.FULL) if place.stratum.name == "emotion"}
    assert all(len({domain for emotion, domain in pairs if emotion == one}) > 1 for one in range(16))


def test_a_case_survives_its_line_and_a_broken_line_is_named() -> None:
    case = Case(
        id="L-cues-000", track="L", sub="cues", domain="anime", dur=16.0, lang="en-us", frame="portrait",
        layer="synthetic", char="c900001", script="L-cues-000", seed_base=3, refs=("ref_0.png",),
        ref_kinds=("global/0",), listen="listen.wav",
        prompt={"text": "Listen.", "then": [{"at_s": 2.0, "text": "Nod."}]},
        events=({"t": 1.0, "cue": "partner_question", "ok": ["nod"], "win": [0.2, 1.5]},),
    )  # fmt: skip
    assert Case.from_line(case.line(), "here") == case
    assert case.num_frames == 384
    assert case.prompts[0].at_s == 2.0
    with pytest.raises(InputError, match=r"cases\.jsonl:7"):
        Case.from_line('{"id": "x"}', "cases.jsonl:7")
