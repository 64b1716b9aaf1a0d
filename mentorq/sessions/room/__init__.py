"""The room of a live session: who is there, what is said, the code that both write."""
