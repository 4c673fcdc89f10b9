"""Running an image: a hardened container, its progress, its result, its end."""
