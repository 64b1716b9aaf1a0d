"""The commands of `mentorq`, by what they are about."""
