"""How this machine talks to registries: Docker's own logins, and the certificates its programs are told to trust."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mlperf_bake.engine.secrets import ca_bundle
from mlperf_bake.errors import UsageError
from mlperf_bake.publish.prefix import Prefix

if TYPE_CHECKING:
    import requests


def open_session(prefix: Prefix) -> requests.Session:
    """An HTTP session with the machine's certificates and, but for this machine's own addresses, its proxy.

    Errors:
        UsageError: that of ``ca_bundle``.
    """
    import requests

    session = requests.Session()
    session.trust_env = not prefix.loopback
    session.auth = _as_it_is
    if bundle := ca_bundle(os.environ):
        session.verify = str(bundle)
    session.headers["User-Agent"] = "mlperf-bake"
    return session


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keeps a ~/.netrc from taking the place of the token that a registry gave."""
    return request


def login(host: str) -> tuple[str, str]:
    """User and password that ``docker login HOST`` left, empty where it was never called; a user ``<token>`` has a refresh
    token in the password's place.

    Errors:
        UsageError: Docker's credential helper fails.
    """
    import docker.auth
    import docker.errors

    try:
        found = docker.auth.load_config().resolve_authconfig(host) or {}
    except docker.errors.DockerException as error:
        raise UsageError(
            "the login for the registry cannot be read",
            where=host,
            found=str(error),
            remedy=f"docker login {host}",
        ) from error
    if token := found.get("IdentityToken") or found.get("identitytoken"):
        return "<token>", str(token)
    return str(found.get("Username") or found.get("username") or ""), str(
        found.get("Password") or found.get("password") or ""
    )
