"""What a client wants of a running character, whatever connection it says so through."""

from openlpm.serving import messages
from openlpm.serving.conversation import Conversation


def direct(talk: Conversation, message: messages.Message) -> bool:
    """Do what a message asks of a character; False: it asks nothing of one."""
    match message:
        case messages.Say(text):
            talk.say(text)
        case messages.Ask(text):
            talk.ask(text)
        case messages.Prompt(text):
            talk.prompt(text)
        case messages.Emotion(name, intensity):
            talk.feel(name, intensity)
        case messages.Interrupt():
            talk.interrupt()
        case _:
            return False
    return True
