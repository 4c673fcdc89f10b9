"""The machine's own apt sources, and which of them is the distribution's archive."""

from pathlib import Path

from mlperf_bake.engine.apt_sources import archive_of, machine_sources, resolve_uri, security_of

DEB822 = """Types: deb
# a comment between fields
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb deb-src
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main contrib

Types: deb
Enabled: no
URIs: http://mirror.example/off
Suites: bookworm
Components: main

Types: deb-src
URIs: http://mirror.example/source
Suites: bookworm
Components: main
"""

ONE_LINE = """# deb http://mirror.example/commented bookworm main
deb [arch=amd64 signed-by=/etc/apt/keyrings/other.gpg] http://other.example/apt bookworm main
deb-src http://mirror.example/source bookworm main
deb http://mirror.example/plain stable main contrib # note
"""


def etc_apt(folder: Path) -> Path:
    (folder / "sources.list.d").mkdir()
    (folder / "sources.list.d" / "a-other.list").write_text(ONE_LINE, encoding="utf-8")
    (folder / "sources.list.d" / "debian.sources").write_text(DEB822, encoding="utf-8")
    (folder / "sources.list.d" / "ignored.save").write_text(ONE_LINE, encoding="utf-8")
    return folder


def test_both_formats_are_read_and_disabled_sources_are_not(tmp_path: Path) -> None:
    sources = machine_sources(etc_apt(tmp_path))
    assert [source.uris[0] for source in sources] == [
        "http://other.example/apt",
        "http://mirror.example/plain",
        "http://mirror.example/debian",
        "http://mirror.example/debian-security",
    ]
    assert sources[0].signed_by == "/etc/apt/keyrings/other.gpg"
    assert sources[1].components == ("main", "contrib")


def test_the_archive_is_the_one_with_updates_and_not_a_strangers_with_the_same_suite(tmp_path: Path) -> None:
    sources = machine_sources(etc_apt(tmp_path))
    archive = archive_of(sources, "bookworm")
    assert archive is not None and archive.uris == ("http://mirror.example/debian",)
    security = security_of(sources, "bookworm")
    assert security is not None and security.uris == ("http://mirror.example/debian-security",)
    assert archive_of(sources, "noble") is None


def test_another_suite_of_the_archive_keeps_mirror_and_key(tmp_path: Path) -> None:
    archive = archive_of(machine_sources(etc_apt(tmp_path)), "bookworm")
    assert archive is not None
    assert archive.for_suite("trixie").deb822() == (
        "Types: deb\nURIs: http://mirror.example/debian\nSuites: trixie\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
    )
    assert archive.one_line("trixie") == (
        "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.example/debian trixie main"
    )


def test_a_mirror_list_stands_for_its_first_mirror(tmp_path: Path) -> None:
    listed = tmp_path / "debian.list"
    listed.write_text(
        "# mirrors\nhttp://first.example/debian priority:1\nhttp://second.example/debian\n", encoding="utf-8"
    )
    assert resolve_uri(f"mirror+file:{listed}") == "http://first.example/debian"
    assert resolve_uri(f"mirror+file:{tmp_path}/none") == f"mirror+file:{tmp_path}/none"


def test_a_machine_without_apt_has_no_sources(tmp_path: Path) -> None:
    assert machine_sources(tmp_path / "nothing") == ()
