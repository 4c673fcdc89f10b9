"""The cache: where it lies, what is kept in it by content, and what one command remembers for the next."""
