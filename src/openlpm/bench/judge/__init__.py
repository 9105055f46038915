"""A vision-language model as a judge of pairs: secondary, and never part of a ranking."""
