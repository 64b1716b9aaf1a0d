"""The platform: knows nothing of tickets or mentors, could serve another product."""
