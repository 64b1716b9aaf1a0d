"""What a closed ticket was worth to its owner."""
