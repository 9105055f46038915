"""What performers do: moods, reactions, actions, mouths, whole clips and conversations, and the words for them."""
