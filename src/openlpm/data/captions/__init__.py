"""What each person looks like, feels and does, with times, and what is said of it."""
