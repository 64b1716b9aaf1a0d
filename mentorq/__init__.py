"""MentorQ: where people who learn to program get unstuck by people who volunteer to help."""

__version__ = "0.1.0"
