"""What ends a run, with the exit code of the image contract and one sentence with the remedy."""

USAGE = 2
CELL = 3
DATA = 4
WEIGHTS = 5
BACKEND = 6
RESULTS = 7
LOADGEN = 8
INVALID = 9
INTERRUPTED = 12


class Failure(Exception):
    """Nothing is recorded of the run; ``code`` is the exit code (docs/contracts.md, "Harness")."""

    def __init__(self, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
