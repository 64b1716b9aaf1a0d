"""A believable community to try things with: questions, people, and how they are loaded in bulk."""
