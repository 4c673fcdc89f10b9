"""For all tests: a slow machine is no failure; how fast things are is measured by `make bench`."""

from hypothesis import settings

settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
