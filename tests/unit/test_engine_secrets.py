"""What of this machine goes into a build as a secret, and what must not."""

from pathlib import Path

import pytest

from mlperf_bake.engine.secrets import (
    SIZE_LIMIT,
    Secret,
    apt_proxy,
    ca_bundle,
    pip_settings,
    secret_environment,
)
from mlperf_bake.errors import UsageError


def test_pip_keeps_indexes_and_drops_what_only_makes_sense_here() -> None:
    listed = """:env:.cert='/etc/ssl/certs/ca-certificates.crt'
:env:.default-timeout='180'
:env:.find-links='/opt/wheels'
global.constraint='/etc/xdg/pip/constraints.txt'
global.extra-index-url='file:///opt/simple https://user:pass@index.example/simple'
global.index-url='https://index.example/simple'
install.trusted-host='index.example'
freeze.timeout='10'
"""
    assert pip_settings(listed) == (
        "[global]\n"
        "extra-index-url = https://user:pass@index.example/simple\n"
        "index-url = https://index.example/simple\n"
        "timeout = 180\n"
        "trusted-host = index.example\n"
    )


def test_pip_settings_of_the_environment_win() -> None:
    listed = ":env:.index-url='https://env.example'\nglobal.index-url='https://file.example'\n"
    assert "https://env.example" in pip_settings(listed)
    assert "https://file.example" not in pip_settings(listed)


@pytest.mark.parametrize(
    "listed", ["", "global.find-links='/opt/wheels'\n", "global.cert='/x.pem'\n", "ERROR: no\n"]
)
def test_without_anything_useful_there_is_no_pip_secret(listed: str) -> None:
    assert pip_settings(listed) == ""


def test_the_bundle_that_programs_are_told_to_use_comes_first(tmp_path: Path) -> None:
    told, default = tmp_path / "told.pem", tmp_path / "default.pem"
    default.write_text("default", encoding="ascii")
    assert ca_bundle({"SSL_CERT_FILE": str(told)}, [default]) == default
    told.write_text("told", encoding="ascii")
    assert ca_bundle({"SSL_CERT_FILE": str(told)}, [default]) == told
    assert ca_bundle({}, [tmp_path / "none"]) is None


def test_a_bundle_larger_than_a_secret_may_be_is_refused_with_both_figures(tmp_path: Path) -> None:
    large = tmp_path / "large.pem"
    large.write_bytes(b"x" * (SIZE_LIMIT + 1))
    with pytest.raises(UsageError) as caught:
        ca_bundle({"PIP_CERT": str(large)}, [])
    assert str(SIZE_LIMIT) in str(caught.value.expected)
    assert str(SIZE_LIMIT + 1) in str(caught.value.found)


def test_apts_own_proxy_wins_over_the_environment() -> None:
    dump = 'Acquire "";\nAcquire::http::Proxy "http://proxy.example:3128";\nAcquire::http::Proxy::local "DIRECT";\n'
    assert apt_proxy(dump, {"http_proxy": "http://other.example"}) == (
        'Acquire::http::Proxy "http://proxy.example:3128";\nAcquire::http::Proxy::local "DIRECT";\n'
    )
    assert apt_proxy("", {"HTTPS_PROXY": "http://p.example"}) == 'Acquire::https::Proxy "http://p.example";\n'
    assert apt_proxy("", {}) == ""


def test_a_text_travels_in_the_environment_and_never_in_arguments_or_representation() -> None:
    secret = Secret("pip", text="index-url = https://user:pass@index.example")
    assert secret.argument == "id=pip,env=MLPERF_BAKE_SECRET_PIP"
    assert "pass" not in repr(secret)
    file = Secret("ca", file=Path("/ca.pem"))
    assert file.argument == "id=ca,src=/ca.pem"
    assert secret_environment([secret, file]) == {"MLPERF_BAKE_SECRET_PIP": secret.text}
