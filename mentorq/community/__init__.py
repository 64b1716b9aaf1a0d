"""What holds people here: whom they follow, what those did lately, and what they have achieved."""
