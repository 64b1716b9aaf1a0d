"""What MentorQ measures of itself."""
