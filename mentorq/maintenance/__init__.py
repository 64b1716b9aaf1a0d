"""What whoever runs an installation does to the whole of it: checking, repairing, importing."""
