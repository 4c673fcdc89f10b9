"""How a volume of the engine is written where a directory could stand."""

from typing import Final

VOLUME_PREFIX: Final = "volume:"
