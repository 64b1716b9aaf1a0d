"""Mentors: expertise, availability, directory, matching."""
