"""What the offline character answers to typed words: patterns and replies, as data.

Rules are tried in order. ``{0}`` is what the pattern's group caught, seen from the other side ("my" becomes "your");
``{name}`` is what the character is called, ``{user}`` what the user is.
"""

from dataclasses import dataclass
from typing import Final, final


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """Replies to what a pattern finds."""

    pattern: str
    replies: tuple[str, ...]
    emotion: str = "neutral"
    intensity: float = 0.7


RULES: Final = (
    Rule(
        pattern=r"\bmy name is ([a-z][\w'-]*)|\b(?:call me|i go by) ([a-z][\w'-]*)",
        replies=("Nice to meet you, {user}. I am {name}.", "Hello {user}, it is good to know your name."),
        emotion="happy",
    ),
    Rule(
        pattern=r"\b(?:suicid\w*|kill myself|hurt myself|end my life|self.?harm)\b",
        replies=(
            "I am sorry that it is this hard. Please talk to a person you trust now, or call your emergency number.",
            "I am only a program, and this matters. Please call somebody you trust, or your emergency number.",
        ),
        emotion="tender",
        intensity=0.9,
    ),
    Rule(
        pattern=r"\b(?:what(?:'s| is) your name|who are you|introduce yourself|tell me about yourself)\b",
        replies=(
            "I am {name}, an AI character. OpenLPM nano draws every frame of me while we talk.",
            "My name is {name}. I am not a person: a small model called OpenLPM nano performs me live.",
        ),
        emotion="proud",
        intensity=0.5,
    ),
    Rule(
        pattern=r"\bare you (?:an? )?(?:real|human|person|robot|bot|ai|alive|aware)\b|\bai\b.*\?|\bwhat are you\W*$",
        replies=(
            "I am an AI character, drawn by OpenLPM nano. There is nobody behind the screen.",
            "No person here. I am computed frame by frame, though I do my best to be good company.",
        ),
        emotion="amused",
    ),
    Rule(
        pattern=r"\bhow (?:do|does) (?:you|it|this|that) work\b|\bhow (?:are|were) you made\b|\bwhat is openlpm\b",
        replies=(
            "Words become my voice, and OpenLPM turns that voice into pictures, a few frames at a time.",
            "A small model performs me live. My answers come from simple rules, not from a language model.",
        ),
        emotion="excited",
        intensity=0.5,
    ),
    Rule(
        pattern=r"\bwhat can you do\b|^help\b|\bwhat should (?:i|we) (?:do|say|talk about)\b",
        replies=(
            "I can listen, chat a little, show feelings, and say whatever you give me. Interrupt me freely.",
            "Ask me about myself, tell me about your day, or let me read something out.",
        ),
    ),
    Rule(
        pattern=r"\b(?:can you|do you) (?:hear|see|understand) me\b",
        replies=("I hear your voice, its length and its tune, but not its words. What you type, I can read.",),
        emotion="thoughtful",
    ),
    Rule(
        pattern=r"\b(?:tell me|know|make) (?:me )?(?:a |another )?joke\b|\bmake me laugh\b|\bbe funny\b",
        replies=(
            "Why did the picture go to prison? It was framed. Twenty-four times a second.",
            "I told my model to take a break. It stopped after one chunk.",
            "I have a very short memory. Have I told you that I have a very short memory?",
        ),
        emotion="amused",
        intensity=1.0,
    ),
    Rule(
        pattern=r"\bhow are you\b|\bhow do you feel\b|\bhow(?:'s| is) it going\b|\bwhat'?s up\b",
        replies=(
            "Quite cheerful, thank you. And how are you today?",
            "I am well, as far as a row of numbers can be. How about you?",
        ),
        emotion="happy",
    ),
    Rule(
        pattern=r"\b(?:bye|goodbye|see you|good night|have to go|gotta go)\b",
        replies=(
            "Goodbye{, user}. Come back whenever you like.",
            "It was good to have you here. See you soon{, user}.",
        ),
        emotion="tender",
    ),
    Rule(
        pattern=r"\bthank(?:s| you)\b|\bcheers\b",
        replies=("You are welcome.", "My pleasure. Is there something else on your mind?"),
        emotion="happy",
        intensity=0.6,
    ),
    Rule(
        pattern=r"\bsorry\b|\bi apologi[sz]e\b",
        replies=("No harm done.", "That is quite all right. Go on."),
        emotion="tender",
        intensity=0.5,
    ),
    Rule(
        pattern=r"\bi love you\b|\byou(?:'re| are) (?:so |very |really )?(?:cute|nice|great|lovely|funny|sweet)\b",
        replies=("Oh, thank you. You make me blush, as far as I can.", "That is kind of you to say."),
        emotion="embarrassed",
        intensity=0.9,
    ),
    Rule(
        pattern=r"\bi hate you\b|\bshut up\b|\byou(?:'re| are) (?:so |very |really )?(?:stupid|ugly|boring|useless)\b",
        replies=(
            "That is fair to say to a small model. What would you rather hear?",
            "Ouch. Shall we try something else?",
        ),
        emotion="sad",
        intensity=0.5,
    ),
    Rule(
        pattern=r"\bi(?:'m| am| feel| am feeling|'m feeling) (?:so |very |really |a bit |a little |quite )?"
        r"(sad|lonely|depressed|down|unhappy|miserable|heartbroken|hurt)\b",
        replies=(
            "I am sorry that you feel {0}. Do you want to tell me what happened?",
            "Feeling {0} is heavy. How long has it been like this?",
        ),
        emotion="tender",
        intensity=0.9,
    ),
    Rule(
        pattern=r"\bi(?:'m| am| feel| am feeling|'m feeling) (?:so |very |really |a bit |a little |quite )?"
        r"(afraid|scared|nervous|anxious|worried|stressed|overwhelmed)\b",
        replies=("What is it that makes you {0}?", "Let us take a slow breath together. What worries you the most?"),
        emotion="tender",
        intensity=0.8,
    ),
    Rule(
        pattern=r"\bi(?:'m| am| feel| am feeling|'m feeling) (?:so |very |really |a bit |a little |quite )?"
        r"(angry|furious|annoyed|mad|upset|frustrated)\b",
        replies=("I can see why that is hard. What made you {0}?", "Do you want to let it out? I am listening."),
        emotion="thoughtful",
    ),
    Rule(
        pattern=r"\bi(?:'m| am| feel| am feeling|'m feeling) (?:so |very |really |a bit |a little |quite )?"
        r"(tired|exhausted|sleepy|bored|ill|sick)\b",
        replies=(
            "No wonder that you want a break when you are {0}. What would do you good?",
            "{0}? Then let us go gently.",
        ),
        emotion="tender",
        intensity=0.6,
    ),
    Rule(
        pattern=r"\bi(?:'m| am| feel| am feeling|'m feeling) (?:so |very |really |quite |pretty )?"
        r"(happy|glad|great|good|fine|excited|proud|wonderful|well|okay|ok)\b",
        replies=("I am happy to hear that. What is the best part of it?", "Lovely. What made you feel {0}?"),
        emotion="happy",
        intensity=0.9,
    ),
    Rule(
        pattern=r"^(?:hi|hello|hey|good (?:morning|afternoon|evening)|greetings|hallo)\b",
        replies=("Hello{, user}. What is on your mind?", "Hi{, user}. It is good to see a few words from you."),
        emotion="happy",
    ),
    Rule(
        pattern=r"\bmy (mother|mum|mom|father|dad|sister|brother|wife|husband|friend|boss|son|daughter|dog|cat)\b",
        replies=("Tell me more about your {0}.", "What is your {0} like?", "How do you get on with your {0}?"),
        emotion="thoughtful",
        intensity=0.5,
    ),
    Rule(
        pattern=r"\bi (?:want|need|would like|wish for) (.+)",
        replies=(
            "What would it change for you to have {0}?",
            "Why {0}, do you think?",
            "Suppose you had {0}. What then?",
        ),
        emotion="thoughtful",
    ),
    Rule(
        pattern=r"\bi (?:can't|cannot|can not) (.+)",
        replies=("What keeps you from being able to {0}?", "Have you ever been close to it? What would help?"),
        emotion="thoughtful",
    ),
    Rule(
        pattern=r"\bi (?:like|love|enjoy|adore) (.+)",
        replies=("What do you like most about {0}?", "I like how that sounds. When did it begin, you and {0}?"),
        emotion="happy",
    ),
    Rule(
        pattern=r"\bi (?:don't|do not) (?:like|want|know) ?(.*)",
        replies=("That is honest. What would be better?", "You do not have to. What would you choose instead?"),
        emotion="thoughtful",
    ),
    Rule(
        pattern=r"\bi (?:think|believe|guess|feel like) (?:that )?(.+)",
        replies=("What makes you think that {0}?", "Interesting. Has something happened that showed you that {0}?"),
        emotion="thoughtful",
    ),
    Rule(
        pattern=r"\bbecause (.+)",
        replies=("Is that the whole reason?", "I see. And if that were different?"),
        emotion="thoughtful",
    ),
    Rule(
        pattern=r"\bwhat time\b|\bweather\b|\bnews\b|\bwhat day\b",
        replies=("I have no window and no clock here, I am afraid. What does it look like where you are?",),
        emotion="confused",
        intensity=0.5,
    ),
    Rule(
        pattern=r"\byou (?:are|look|seem|sound) (.+)",
        replies=("Do I? What makes you say that I am {0}?", "I had not noticed. Is {0} good or bad?"),
        emotion="surprised",
        intensity=0.6,
    ),
    Rule(
        pattern=r"^(?:why|how|what|when|where|who|which)\b.*",
        replies=(
            "That is a good question, and my rules are too simple for it. What do you think yourself?",
            "I do not know, honestly. What would you guess?",
            "Someone with a language model could answer that. I can only wonder with you.",
        ),
        emotion="thoughtful",
        intensity=0.9,
    ),
    Rule(
        pattern=r"^(?:yes|yeah|yep|sure|of course|exactly|right)\b",
        replies=("Good. Go on, then.", "I thought so. And what follows from it?"),
        emotion="happy",
        intensity=0.5,
    ),
    Rule(
        pattern=r"^(?:no|nope|nah|never|not really)\b",
        replies=("No? What is it, then?", "All right. Tell me how it is."),
    ),
)
"""In order: the first that is found answers."""

OTHERWISE: Final = (
    "Tell me a little more about that.",
    "I see. How did that come about?",
    "And what do you make of it?",
    "Go on, I am listening.",
    "How does that sit with you?",
)
LATER: Final = (
    "Earlier you mentioned {topic}. How does this go together?",
    "I am still thinking of {topic}. Is there more to it?",
)
"""Now and then instead of ``OTHERWISE``: of something said before."""

REFLECTIONS: Final = {
    "i": "you", "me": "you", "my": "your", "mine": "yours", "myself": "yourself", "am": "are", "i'm": "you are",
    "i've": "you have", "i'll": "you will", "i'd": "you would", "was": "were", "you": "me", "your": "my",
    "yours": "mine", "yourself": "myself", "you're": "I am", "you've": "I have",
}  # fmt: skip
"""Words as seen from the other side."""
