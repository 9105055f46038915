"""Words for captions. Each table has words for all splits, and others that only validation and test captions use."""

from dataclasses import dataclass
from typing import final

from openlpm.core.rig import State

Words = tuple[str, ...]


@final
@dataclass(frozen=True, slots=True)
class Choice:
    """Ways to say one thing."""

    usual: Words
    held_out: Words

    def of(self, *, held_out: bool) -> Words:
        """The words to choose from."""
        return self.held_out if held_out else self.usual


STATES: dict[State, Choice] = {
    State.SPEAK: Choice(("speak", "talk", "speak to the camera", "say something"), ("chat", "address the viewer")),
    State.LISTEN: Choice(
        ("listen", "listen quietly", "pay attention", "listen to somebody"),
        ("hear somebody out", "follow what is said"),
    ),
    State.IDLE: Choice(("wait", "stay quiet", "sit still", "say nothing"), ("remain silent", "idle")),
    State.BOTH: Choice(("talk over somebody", "speak at the same time"), ("speak across the other voice",)),
}

REACTIONS: dict[str, Choice] = {
    "nod": Choice(("nod", "nod along"), ("bob {their} head",)),
    "slow_nod": Choice(("nod slowly",), ("nod in sympathy",)),
    "smile": Choice(("smile", "smile back"), ("return a smile",)),
    "brow_raise": Choice(("raise the brows", "raise {their} eyebrows"), ("lift the brows",)),
    "concern": Choice(("look concerned", "show concern"), ("look worried for them",)),
    "laugh_along": Choice(("laugh along", "laugh silently along"), ("share the laugh",)),
    "startle": Choice(("startle", "flinch"), ("jump a little",)),
    "recoil": Choice(("recoil", "shrink back"), ("back off",)),
    "frown": Choice(("frown",), ("scowl",)),
    "head_tilt": Choice(("tilt {their} head",), ("cock {their} head",)),
    "taken_aback": Choice(("stop in surprise", "break off, surprised"), ("fall silent, taken aback",)),
    "backchannel": Choice(("hum in agreement", 'say "mm-hm"'), ("murmur assent",)),
}

ADJECTIVES: dict[str, Choice] = {
    "neutral": Choice(("calm", "neutral", "relaxed"), ("composed", "unmoved")),
    "happy": Choice(("happy", "cheerful", "glad"), ("joyful", "delighted")),
    "amused": Choice(("amused", "entertained", "about to laugh"), ("tickled", "mirthful")),
    "excited": Choice(("excited", "enthusiastic", "thrilled"), ("exhilarated", "eager")),
    "tender": Choice(("tender", "loving", "gentle"), ("affectionate", "fond")),
    "proud": Choice(("proud", "self-assured", "pleased with {self}"), ("triumphant", "dignified")),
    "sad": Choice(("sad", "unhappy", "sorrowful"), ("gloomy", "downcast")),
    "afraid": Choice(("afraid", "scared", "fearful"), ("frightened", "anxious")),
    "angry": Choice(("angry", "furious", "annoyed"), ("irate", "cross")),
    "disgusted": Choice(("disgusted", "revolted", "put off"), ("repelled", "grossed out")),
    "surprised": Choice(("surprised", "astonished", "amazed"), ("startled", "stunned")),
    "confused": Choice(("confused", "puzzled", "unsure"), ("baffled", "perplexed")),
    "thoughtful": Choice(("thoughtful", "pensive", "lost in thought"), ("contemplative", "reflective")),
    "bored": Choice(("bored", "uninterested", "indifferent"), ("fed up", "listless")),
    "tired": Choice(("tired", "sleepy", "exhausted"), ("weary", "drowsy")),
    "embarrassed": Choice(("embarrassed", "ashamed", "flustered"), ("sheepish", "self-conscious")),
}

ADVERBS: dict[str, Choice] = {
    "neutral": Choice(("calmly",), ("evenly",)),
    "happy": Choice(("happily", "cheerfully"), ("joyfully",)),
    "amused": Choice(("with amusement", "amusedly"), ("mirthfully",)),
    "excited": Choice(("excitedly", "enthusiastically"), ("eagerly",)),
    "tender": Choice(("tenderly", "gently"), ("fondly",)),
    "proud": Choice(("proudly", "with pride"), ("triumphantly",)),
    "sad": Choice(("sadly", "unhappily"), ("gloomily",)),
    "afraid": Choice(("fearfully", "with fear"), ("anxiously",)),
    "angry": Choice(("angrily", "furiously"), ("irately",)),
    "disgusted": Choice(("with disgust", "disgustedly"), ("in revulsion",)),
    "surprised": Choice(("in surprise", "with surprise"), ("in amazement",)),
    "confused": Choice(("in confusion", "uncertainly"), ("in bafflement",)),
    "thoughtful": Choice(("thoughtfully", "pensively"), ("reflectively",)),
    "bored": Choice(("with boredom", "indifferently"), ("listlessly",)),
    "tired": Choice(("tiredly", "sleepily"), ("wearily",)),
    "embarrassed": Choice(("with embarrassment", "shyly"), ("sheepishly",)),
}

DEGREES: tuple[Choice, Choice, Choice] = (
    Choice(("slightly", "a little", "a bit", "somewhat"), ("mildly", "faintly")),
    Choice(("", "", "quite", "rather"), ("", "fairly")),
    Choice(("very", "extremely", "really"), ("intensely", "utterly")),
)
"""For weak, middling and strong emotions."""

PERSONAS: dict[str, Choice] = {
    "attentive": Choice(("attentive", "focused"), ("all ears",)),
    "bored": Choice(("inattentive", "absent-minded"), ("distracted",)),
    "warm": Choice(("warm", "friendly"), ("kind-hearted",)),
    "cold": Choice(("cold", "distant"), ("aloof",)),
    "lively": Choice(("lively", "expressive"), ("animated",)),
    "still": Choice(("still", "reserved"), ("restrained",)),
    "shy": Choice(("shy", "timid"), ("bashful",)),
    "confident": Choice(("confident", "self-confident"), ("assured",)),
}

ONE_MOOD = Choice(
    ("looking {a}", "with {an_a} face", "seeming {a}", "in {an_a} mood", "with {an_a} expression"),
    ("visibly {a}", "with {an_a} air"),
)
BRIEF_MOOD = Choice(
    ("{a} for a while", "briefly {a}", "growing {a} and then calm again"), ("momentarily {a}", "{a} in between")
)
RISING_MOOD = Choice(("growing {a}", "becoming {a}", "more and more {a}"), ("getting {a} by and by", "turning {a}"))
FALLING_MOOD = Choice(
    ("{a} at first and then calm", "first {a}, later calm"), ("{a} to begin with, calming down afterwards",)
)
TWO_MOODS_IN_TURN = Choice(
    ("at first {a}, then {b}", "{a} and then {b}", "turning from {a} to {b}", "first {a}, later {b}"),
    ("going from {a} to {b}", "{a} to begin with, {b} in the end"),
)
TWO_MOODS_AT_ONCE = Choice(
    ("{a} and {b}", "both {a} and {b}", "{a} but also {b}", "{a} and at the same time {b}"),
    ("{a} yet {b}", "at once {a} and {b}"),
)
FOLLOWING_SENTENCES = Choice(
    (
        "{Pronoun} look~ {a} at first and {b} later.",
        "First {pronoun} seem~ {a}, then {b}.",
        "The mood turns from {a} to {b}.",
        "The expression changes from {a} to {b}.",
    ),
    ("{Pronoun} appear~ {a} until {pronoun} become~ {b}.", "The face goes from {a} to {b}."),
)
BRIEF_SENTENCES = Choice(
    ("{Pronoun} look~ {a} for a while.", "For a moment {pronoun} seem~ {a}."), ("In between {pronoun} appear~ {a}.",)
)
MOOD_SENTENCES = Choice(
    ("{Pronoun} look~ {m}.", "{Pronoun} seem~ {m}.", "The expression is {m}.", "The mood is {m}."),
    ("{Pronoun} appear~ {m}.", "The face shows somebody {m}."),
)
PERSONA_SENTENCES = Choice(
    ("{Pronoun} seem~ {p}.", "The manner is {p}.", "{Pronoun} come~ across as {p}."), ("The personality is {p}.",)
)

FIRST = Choice(("", "", "first "), ("to begin with, ", "initially "))
NEXT = Choice(("then ", "then ", "after that ", "next "), ("afterwards ", "following that "))
LAST = Choice(("then ", "finally ", "at the end ", "in the end "), ("lastly ", "to finish "))
AT_TIME = Choice(
    ("at {t} {seconds}", "after {t} {seconds}", "{t} {seconds} in", "at second {t}"),
    ("at the {t} second mark", "{t} {seconds} into the clip"),
)
AT_START = Choice(("at the beginning", "right away", "at the start"), ("from the outset",))
AT_MIDDLE = Choice(("in the middle", "halfway through"), ("midway",))
AT_END = Choice(("at the end", "towards the end"), ("just before the end",))

SOMEBODY = Choice(("a person", "somebody", "the person"), ("someone", "the character"))
SCENES = Choice(
    ("{s} {gerund}", "{s}, {gerund}", "a video of {s} {gerund}"), ("we see {s} {gerund}", "footage shows {s} {gerund}")
)
