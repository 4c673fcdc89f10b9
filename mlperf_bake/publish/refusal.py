"""What a registry, or the network before it, does not let happen: in words, and whether it may pass."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import requests

PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
REMEDIES = {
    413: "have the registry, or the proxy before it, take larger requests (nginx: client_max_body_size); then ",
    507: "make room in the registry, for instance by its garbage collection; then ",
}
"""What to do about a refusal of this status before the command is given again."""


class Refusal(NamedTuple):
    """What a registry said that it will not do, or that the network does not let it; ``remedy`` comes before the same command."""

    found: str
    passing: bool
    pause_s: float | None = None
    status: int = 0
    remedy: str = ""


class Refused(Exception):
    """Carries a refusal to whoever decides about asking again."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.found)
        self.refusal = refusal


@contextmanager
def told() -> Iterator[None]:
    """A network that fails as a refusal that passes; what can never work as one that does not."""
    import requests.exceptions

    try:
        yield
    except requests.exceptions.SSLError as error:
        raise Refused(_without_tls(innermost(error))) from error
    except (
        requests.exceptions.MissingSchema,
        requests.exceptions.InvalidSchema,
        requests.exceptions.InvalidURL,
    ) as error:
        raise Refused(Refusal(str(error), False)) from error
    except (requests.exceptions.RequestException, OSError) as error:
        raise Refused(Refusal(innermost(error), True)) from error


def _without_tls(said: str) -> Refusal:
    if "WRONG_VERSION_NUMBER" in said or "RECORD_LAYER_FAILURE" in said:
        remedy = "give the registry a certificate: only those on this machine's own addresses are spoken to over HTTP; then "
        return Refusal("it does not speak TLS", False, remedy=remedy)
    remedy = (
        "export SSL_CERT_FILE=FILE, certificates with that of who signed the registry's among them; then "
    )
    return Refusal(f"its certificate was not accepted: {said}", False, remedy=remedy)


def innermost(error: BaseException) -> str:
    """What is at the bottom of the network library's nested errors."""
    while True:
        inner = error.args[0] if error.args and isinstance(error.args[0], BaseException) else None
        inner = inner or getattr(error, "reason", None) or error.__cause__
        if not isinstance(inner, BaseException):
            break
        error = inner
    text = str(error) or type(error).__name__
    return text.partition(": ")[2] if text.startswith("<urllib3") else text


def complaint(answer: requests.Response) -> str:
    """The registry's own words, where it has some."""
    said = ""
    try:
        errors = answer.json()["errors"]
        said = "; ".join(f"{one['code']} {one.get('message', '')}".strip() for one in errors)
    except (ValueError, KeyError, TypeError):
        pass
    return f"{answer.status_code} {said or answer.reason}"


def retry_after(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[0-9]{1,6}", text) else None
