"""Technology tags: names, aliases, counts."""
