"""Who a character is talking for: sound in, sound out; knows no picture and no transport."""
