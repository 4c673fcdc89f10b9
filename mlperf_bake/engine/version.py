"""Version numbers of engines and plug-ins, compared by their first three numbers."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """``26.1.5+dfsg1`` is 26, 1, 5: what follows the numbers is the packager's business."""

    major: int
    minor: int = 0
    patch: int = 0

    @classmethod
    def parse(cls, text: str) -> "Version | None":
        """The first dotted number in the text, or None where there is none."""
        match = re.search(r"(\d+)(?:\.(\d+))?(?:\.(\d+))?", text)
        if not match:
            return None
        return cls(*(int(part or 0) for part in match.groups()))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"
