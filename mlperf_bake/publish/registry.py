"""A container registry over HTTP: what the OCI Distribution Specification 1.1 needs for pushing, and no more.

Requests that fail for a passing reason (the network, 408, 429, 5xx) are repeated with growing pauses; a refusal is told at
once. Nothing is named in a registry before everything it needs lies there, so whatever ends a push leaves only blobs that
nothing refers to, which the next push finds and the registry's own garbage collection removes.
"""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mlperf_bake.errors import BakeError, BuildFailed, Interrupted
from mlperf_bake.oci.layout import DOCKER_INDEX, DOCKER_MANIFEST, INDEX, MANIFEST, Descriptor
from mlperf_bake.publish.prefix import Prefix, at
from mlperf_bake.publish.refusal import PASSING, REMEDIES, Refusal, Refused, complaint, retry_after, told
from mlperf_bake.publish.upload import Upload, upload_place

if TYPE_CHECKING:
    import requests

ATTEMPTS = 5
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
STEP_S = 0.5
CONNECT_S = 10.0
SILENCE_S = 60.0
STORED_PER_S = 10e6
"""Bytes that a registry may be as slow as to put in their place after it has them all: some copy them to another store."""
KINDS = (INDEX, MANIFEST, DOCKER_INDEX, DOCKER_MANIFEST)
ACCEPT = ", ".join(KINDS)

_DIGEST = re.compile(r"^sha256:[0-9a-f]{64}$")

T = TypeVar("T")


class RegistryFailed(BuildFailed):
    """The registry refused, or did not answer however often it was asked."""


def _silent(line: str) -> None:
    """Says nothing."""


class Registry:
    """One registry; may be used by several threads, each with a client of its own.

    Args:
        prefix: which registry.
        session: an HTTP session with the user's certificates.
        credentials: user and password for this host, empty where there are none; read when first asked for.
        said: takes a line about each repetition.
        stopped: whether to give up waiting.
        pause: waits that many seconds, in steps so short that ``stopped`` is heard.
    """

    def __init__(
        self,
        prefix: Prefix,
        session: requests.Session,
        credentials: Callable[[], tuple[str, str]],
        said: Callable[[str], None] = _silent,
        stopped: Callable[[], bool] = lambda: False,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.prefix = prefix
        self._session = session
        self._credentials = credentials
        self._said = said
        self._stopped = stopped
        self._pause = pause
        self._tokens: dict[str, str] = {}

    def digest(self, repository: str, reference: str) -> str:
        """The digest of a manifest by tag or digest; empty where there is none.

        Errors:
            RegistryFailed.
        """

        def ask() -> str:
            answer = self._send(
                "HEAD", f"{repository}/manifests/{reference}", {"Accept": ACCEPT}, missing=True
            )
            if answer.status_code == 404:
                return ""
            digest = answer.headers.get("Docker-Content-Digest", "")
            return digest if _DIGEST.match(digest) else self._get(repository, reference)[1]

        return self._persistently(f"{repository}:{reference}", ask)

    def manifest(self, repository: str, reference: str) -> tuple[bytes, Descriptor]:
        """A manifest's bytes and its descriptor. Errors: RegistryFailed."""

        def ask() -> tuple[bytes, Descriptor]:
            content, digest, media_type = self._get(repository, reference)
            return content, Descriptor(media_type, digest, len(content))

        return self._persistently(f"{repository}:{reference}", ask)

    def put_manifest(
        self, repository: str, reference: str, content: bytes, media_type: str, *, moves: bool = False
    ) -> str:
        """Stores a manifest under a tag or its digest, and asks for it again; returns its digest.

        Args:
            moves: whether the tag is one that others may have moved on by then.

        Errors:
            RegistryFailed: also where the registry has another one afterwards.
        """
        expected = "sha256:" + hashlib.sha256(content).hexdigest()

        def send() -> str:
            self._send("PUT", f"{repository}/manifests/{reference}", {"Content-Type": media_type}, content)
            found = self._get(repository, expected if moves else reference)[1]
            if found != expected:
                raise Refused(Refusal(f"it has {found} where {expected} was sent", passing=False))
            return found

        return self._persistently(f"{repository}:{reference}", send)

    def link_blob(self, repository: str, blob: Descriptor, source: str) -> bool:
        """Makes a blob of the repository ``source`` lie in another one, without its bytes; whether it does now.

        Errors:
            RegistryFailed.
        """

        def link() -> bool:
            if self._send("HEAD", f"{repository}/blobs/{blob.digest}", missing=True).ok:
                return True
            path = f"{repository}/blobs/uploads/?mount={blob.digest}&from={source}"
            return self._send("POST", path, repository=repository).status_code == 201

        return self._persistently(f"{repository}@{blob.digest}", link)

    def put_blob(self, repository: str, blob: Descriptor, file: Path) -> bool:
        """Stores a blob unless it is there; returns whether its bytes had to be sent.

        Errors:
            RegistryFailed.
        """

        def send() -> bool:
            if self._send("HEAD", f"{repository}/blobs/{blob.digest}", missing=True).ok:
                return False
            begun = self._send("POST", f"{repository}/blobs/uploads/", repository=repository)
            place = upload_place(begun.url, begun.headers.get("Location", ""))
            joint = "&" if "?" in place else "?"
            with file.open("rb") as stream:
                headers = {"Content-Type": "application/octet-stream"}
                body = Upload(stream, blob.size, self._require_going) if blob.size else b""
                self._send("PUT", f"{place}{joint}digest={blob.digest}", headers, body, repository=repository)
            return True

        return self._persistently(f"{repository}@{blob.digest}", send)

    def get_blob(self, repository: str, blob: Descriptor, file: Path) -> None:
        """Writes a blob to ``file``.

        Errors:
            RegistryFailed: also where its bytes are not what its digest says.
        """

        def fetch() -> None:
            answer = self._send("GET", f"{repository}/blobs/{blob.digest}", stream=True)
            digest = hashlib.sha256()
            with told(), answer, file.open("wb") as out:
                for part in answer.iter_content(1 << 20):
                    digest.update(part)
                    out.write(part)
            if f"sha256:{digest.hexdigest()}" != blob.digest:
                raise Refused(Refusal(f"it sent sha256:{digest.hexdigest()}", passing=True))

        self._persistently(f"{repository}@{blob.digest}", fetch)

    def _get(self, repository: str, reference: str) -> tuple[bytes, str, str]:
        answer = self._send("GET", f"{repository}/manifests/{reference}", {"Accept": ACCEPT})
        media_type = answer.headers.get("Content-Type", "").partition(";")[0]
        if media_type not in KINDS:
            raise Refused(
                Refusal(f"it answers with {media_type or 'something unnamed'}, not an image", False)
            )
        return answer.content, "sha256:" + hashlib.sha256(answer.content).hexdigest(), media_type

    def _persistently(self, what: str, act: Callable[[], T]) -> T:
        wait = FIRST_PAUSE_S
        for attempt in range(1, ATTEMPTS + 1):
            self._require_going()
            try:
                return act()
            except Refused as error:
                refusal = error.refusal
                if not refusal.passing or attempt == ATTEMPTS:
                    raise self._failure(what, refusal, attempt) from error
            seconds = min(LONGEST_PAUSE_S, refusal.pause_s if refusal.pause_s is not None else wait)
            self._said(
                f"{self.prefix.host}: {refusal.found}; once more in {seconds:.0f} s ({attempt} of {ATTEMPTS})"
            )
            self._wait(seconds)
            wait *= 2
        raise AssertionError("the last attempt returns or raises")

    def _wait(self, seconds: float) -> None:
        while seconds > 0:
            self._require_going()
            self._pause(min(seconds, STEP_S))
            seconds -= STEP_S

    def _require_going(self) -> None:
        if self._stopped():
            raise Interrupted(
                "the push was interrupted; no name leads to half an image", where=str(self.prefix)
            )

    def _failure(self, what: str, refusal: Refusal, attempts: int) -> BakeError:
        if refusal.status in (401, 403):
            return RegistryFailed(
                "the registry refuses access",
                where=f"{self.prefix.host}/{what}",
                found=refusal.found,
                remedy=f"docker login {self.prefix.host}, as a user who may read there, and for a push write; "
                "then the same command",
            )
        tried = f" (asked {attempts} times)" if attempts > 1 else ""
        return RegistryFailed(
            "the registry does not take the image" if not refusal.passing else "the registry does not answer",
            where=f"{self.prefix.host}/{what}",
            found=refusal.found + tried,
            remedy=f"{refusal.remedy}the same command goes on; no name there leads to half an image",
        )

    def silence_s(self, size: int) -> float:
        """Seconds to wait for the answer to so many bytes."""
        return SILENCE_S + size / STORED_PER_S

    def _send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | Upload | None = None,
        *,
        missing: bool = False,
        repository: str = "",
        stream: bool = False,
    ) -> requests.Response:
        """One request, once more with a token where the registry asks for one. ``missing``: 404 is an answer."""
        url = path if "://" in path else f"{self.prefix.url}/v2/{path}"
        of = repository or re.split(r"/(?:manifests|blobs)/", path)[0]
        own = at(url) == at(
            self.prefix.url
        )  # an upload may go on at a store that has nothing to do with the login
        waits_s = (
            SILENCE_S if isinstance(body, Upload) else CONNECT_S
        )  # it also holds for each block that is sent
        for last in (False, True):
            sent = dict(headers or {})
            if own and of in self._tokens:
                sent["Authorization"] = self._tokens[of]
            with told():
                answer = self._session.request(
                    method,
                    url,
                    headers=sent,
                    data=body,
                    timeout=(waits_s, self.silence_s(len(body or b""))),
                    allow_redirects=method != "PUT",
                    stream=stream,
                    verify=self._session.verify,  # or REQUESTS_CA_BUNDLE takes its place
                )
            if answer.status_code != 401 or last or not own:
                break
            self._tokens[of] = self._authorize(answer.headers.get("WWW-Authenticate", ""), of)
            if isinstance(body, Upload):
                body.rewind()
        if answer.is_redirect:
            raise Refused(Refusal(f"{answer.status_code} to {answer.headers['Location']}", passing=False))
        if answer.ok or (missing and answer.status_code == 404):
            return answer
        raise Refused(
            Refusal(
                complaint(answer),
                passing=answer.status_code in PASSING,
                pause_s=retry_after(answer.headers.get("Retry-After", "")),
                status=answer.status_code,
                remedy=REMEDIES.get(answer.status_code, ""),
            )
        )

    def _authorize(self, challenge: str, repository: str) -> str:
        """The Authorization header for a repository (the Distribution project's token specification)."""
        kind, _, rest = challenge.partition(" ")
        user, password = self._credentials()
        if kind.lower() == "basic":
            if not user:
                raise Refused(Refusal("it asks for a user, and docker knows none for it", False, status=401))
            return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        if kind.lower() != "bearer":
            raise Refused(Refusal(f"it asks for {kind or 'something unnamed'} to log in", False, status=401))
        fields = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        realm = fields.pop("realm", "")
        asked = {"service": fields.get("service", ""), "scope": f"repository:{repository}:pull,push"}
        with told():
            if user == "<token>":
                form = {
                    **asked,
                    "grant_type": "refresh_token",
                    "refresh_token": password,
                    "client_id": "mlperf-bake",
                }
                answer = self._session.post(
                    realm, data=form, timeout=(CONNECT_S, SILENCE_S), verify=self._session.verify
                )
            else:
                auth = (user, password) if user else None
                answer = self._session.get(
                    realm,
                    params=asked,
                    auth=auth,
                    timeout=(CONNECT_S, SILENCE_S),
                    verify=self._session.verify,
                )
            value = answer.json() if answer.ok else {}
        token = value.get("token") or value.get("access_token") if isinstance(value, dict) else None
        if not token:
            passing = answer.status_code in PASSING
            raise Refused(Refusal(f"no token: {complaint(answer)}", passing, status=answer.status_code))
        return f"Bearer {token}"
