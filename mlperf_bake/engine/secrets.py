"""What a build step may need of this machine without it ever entering an image: BuildKit secrets.

Three ids, each passed only when this machine has something to pass (docs/contracts.md, "Build secrets"):

- ``ca``: the machine's certificate bundle, PEM. Behind a proxy that re-signs TLS, pip fails without it.
- ``pip``: a pip.conf with the index settings that pip itself resolves, less everything that only makes sense here
  (local directories, constraints, certificates by path).
- ``apt``: an apt.conf snippet with the machine's proxy.

A secret mount takes no part in BuildKit's cache key, appears in no layer and in no history.
"""

import ast
import functools
import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from mlperf_bake.engine.attributes import attributes
from mlperf_bake.engine.command import call
from mlperf_bake.errors import UsageError

SIZE_LIMIT = 500 * 1024
"""BuildKit's limit on one secret."""

CA_VARIABLES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")

CA_FILES = (
    Path("/etc/ssl/certs/ca-certificates.crt"),
    Path("/etc/pki/tls/certs/ca-bundle.crt"),
    Path("/etc/ssl/ca-bundle.pem"),
    Path("/etc/ssl/cert.pem"),
)

PIP_KEYS = ("extra-index-url", "find-links", "index-url", "proxy", "retries", "timeout", "trusted-host")
_URL_LISTS = frozenset({"extra-index-url", "find-links", "index-url"})


@dataclass(frozen=True, slots=True)
class Secret:
    """One BuildKit secret: from a file, or from a text that is handed over in buildx's environment.

    Attributes:
        id: ``ca``, ``pip`` or ``apt``.
        file: where it lies, or None.
        text: the text itself where there is no file.
    """

    id: str
    file: Path | None = None
    text: str = ""

    @property
    def variable(self) -> str:
        """The environment variable that carries the text to buildx."""
        return f"MLPERF_BAKE_SECRET_{self.id.upper()}"

    @property
    def argument(self) -> str:
        """As bake takes it."""
        return attributes(f"id={self.id}", f"src={self.file}" if self.file else f"env={self.variable}")

    def __repr__(self) -> str:
        return f"Secret({self.id!r}, {'file=' + str(self.file) if self.file else '...'})"


def host_secrets(environ: Mapping[str, str] | None = None) -> tuple[Secret, ...]:
    """The secrets this machine has, sorted by id.

    Raises:
        UsageError: the certificate bundle is larger than BuildKit takes.
    """
    env = os.environ if environ is None else environ
    found = []
    proxy = apt_proxy(call(("apt-config", "dump")).stdout, env)
    if proxy:
        found.append(Secret("apt", text=proxy))
    bundle = ca_bundle(env)
    if bundle is not None:
        found.append(Secret("ca", file=bundle))
    pip_conf = pip_settings(_pip_config_list())
    if pip_conf:
        found.append(Secret("pip", text=pip_conf))
    return tuple(found)


def secret_environment(secrets: Iterable[Secret]) -> dict[str, str]:
    """The variables that buildx needs for the secrets that are texts."""
    return {secret.variable: secret.text for secret in secrets if secret.file is None}


def passwords(secrets: Iterable[Secret]) -> tuple[str, ...]:
    """The passwords in the addresses of these secrets' texts, as written and as meant, sorted: what must appear in no image."""
    written = {part for secret in secrets for part in re.findall(r"://[^\s/@:]*:([^\s/@]+)@", secret.text)}
    found = written | set(map(unquote, written))
    return tuple(sorted(found))


def ca_bundle(environ: Mapping[str, str], defaults: Iterable[Path] = CA_FILES) -> Path | None:
    """The certificate bundle that programs on this machine are told to use, else the distribution's.

    Raises:
        UsageError: it is larger than BuildKit's limit for a secret.
    """
    named = (Path(environ[name]) for name in CA_VARIABLES if environ.get(name))
    bundle = next((path for path in (*named, *defaults) if path.is_file()), None)
    if bundle is not None and bundle.stat().st_size > SIZE_LIMIT:
        raise UsageError(
            "the certificate bundle is larger than a build secret may be",
            where=str(bundle),
            found=f"{bundle.stat().st_size} bytes",
            expected=f"at most {SIZE_LIMIT} bytes",
            remedy="set SSL_CERT_FILE to a bundle with only the certificates that are needed",
        )
    return bundle.resolve() if bundle else None


def pip_settings(config_list: str) -> str:
    """A pip.conf from the output of ``pip config list``; empty when nothing is left that makes sense in a build."""
    values = _resolved(config_list)
    lines = []
    for key in sorted(values):
        words = values[key].split()
        if key in _URL_LISTS:
            words = [word for word in words if re.match(r"^https?://", word)]
        if words:
            lines.append(f"{key} = {' '.join(words)}")
    return "[global]\n" + "\n".join(lines) + "\n" if lines else ""


def local_find_links(config_list: str) -> tuple[Path, ...]:
    """The directories of this machine that pip looks for files in, from the output of ``pip config list``."""
    words = _resolved(config_list).get("find-links", "").split()
    places = (unquote(word.removeprefix("file://")) for word in words if not re.match(r"^https?://", word))
    return tuple(path for place in places if (path := Path(place).expanduser()).is_dir())


def host_find_links() -> tuple[Path, ...]:
    """The same of this machine's pip."""
    return local_find_links(_pip_config_list())


def _resolved(config_list: str) -> dict[str, str]:
    """The settings in ``PIP_KEYS``. The environment wins over ``[install]``, which wins over ``[global]``, as in pip."""
    values: dict[str, str] = {}
    rank = {"global": 0, "install": 1, ":env:": 2}
    entries = []
    for line in config_list.splitlines():
        match = re.match(r"^(global|install|:env:)\.([a-z-]+)=(.+)$", line.strip())
        if match:
            entries.append((rank[match[1]], match[2].removeprefix("default-"), _unquote(match[3])))
    for _, key, value in sorted(entries, key=lambda entry: entry[0]):
        if key in PIP_KEYS:
            values[key] = value
    return values


def apt_proxy(config_dump: str, environ: Mapping[str, str]) -> str:
    """An apt.conf snippet with the proxy of apt's own configuration, else of ``http_proxy``; empty without one."""
    lines = [
        line.strip()
        for line in config_dump.splitlines()
        if re.match(r'^Acquire::https?::Proxy(::\S+)? "[^"]+";$', line.strip())
    ]
    if not lines:
        for scheme in ("http", "https"):
            value = environ.get(f"{scheme}_proxy") or environ.get(f"{scheme.upper()}_PROXY")
            if value and '"' not in value:
                lines.append(f'Acquire::{scheme}::Proxy "{value}";')
    return "\n".join(lines) + "\n" if lines else ""


@functools.cache
def _pip_config_list() -> str:
    for argv in ((sys.executable, "-m", "pip"), ("pip3",), ("pip",)):
        answer = call((*argv, "config", "list"), timeout=20)
        if answer.ok:
            return answer.stdout
    return ""


def _unquote(text: str) -> str:
    try:
        value = ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text
    return value if isinstance(value, str) else text
