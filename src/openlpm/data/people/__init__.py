"""Who is in the pictures: faces, their landmarks, tracks of one person each, and crops."""
