"""How each system is built and trained."""
