"""Images into a registry: whole or not at all, fixed names before moving ones."""
