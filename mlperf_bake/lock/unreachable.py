"""Who was asked and did not answer, told apart from who answered that there is no such thing."""

from mlperf_bake.errors import UsageError


class Unreachable(UsageError):
    """A hub, a repository or an address that does not answer, or not to the end."""
