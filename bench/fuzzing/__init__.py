"""Random calls of the functions and losses, and what must hold after each."""
