"""What performers sound like: voices, words, sounds without words, recorded people, and what is only noise."""
