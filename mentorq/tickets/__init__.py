"""The life cycle of a question: from open to closed, and everybody who may touch it."""
