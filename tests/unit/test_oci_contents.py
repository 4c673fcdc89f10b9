"""What an image says it has, its bill of materials, what differs between two, and what should not be in one."""

import json
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlperf_bake.errors import UsageError
from mlperf_bake.oci.difference import Difference, differences
from mlperf_bake.oci.layout import Layout
from mlperf_bake.oci.packages import Inventory, Package, inventory
from mlperf_bake.oci.scan import CAPABILITIES, Finding, scan
from mlperf_bake.oci.spdx import Fetched, base_image, document, fetched
from tests.support.layouts import layer, make_layout, member

STATUS = b"""Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: bash
Status: install ok installed
Architecture: amd64
Version: 5.2+x~1
"""
METADATA = (
    b"Metadata-Version: 2.4\nName: numpy\nVersion: 2.3.5\nLicense-Expression: BSD-3-Clause\n\nText: no\n"
)
DOCKERFILE = f"""FROM debian:bookworm-1-slim@sha256:{"1" * 64} AS base
RUN fetch-pypi /tmp/sdist mlcommons-loadgen==6.0.17 {"2" * 64} --no-binary :all:
RUN case x in \\
    amd64) path=pool/main/o/onnx/libonnx-dev_1.21.0+dfsg-1_amd64.deb sum={"3" * 64};; esac
RUN fetch-deb /source pool/main/d/data/data_0~git1_all.deb {"4" * 64}
"""
OWN = {"history": [{"created_by": "base"}, {"created_by": "COPY /out/results /results"}]}


def first_image(layout: Layout) -> Inventory:
    return inventory(layout, layout.images()[0])


def test_packages_are_read_from_debians_database_and_pythons_metadata(tmp_path: Path) -> None:
    layout = make_layout(
        tmp_path,
        [
            layer({"./var/lib/dpkg/status": STATUS, "etc/os-release": b'NAME=x\nID="debian"\n'}),
            layer({"opt/mlperf-bake/python/packages/numpy-2.3.5.dist-info/METADATA": METADATA}),
        ],
    )
    found = first_image(layout)
    assert found.distribution == "debian" and found.unread == ()
    assert found.packages == (
        Package("deb", "bash", "5.2+x~1", "amd64"),
        Package("deb", "libc6", "2.36-9", "amd64"),
        Package("pypi", "numpy", "2.3.5", license="BSD-3-Clause"),
    )


def test_a_higher_layer_hides_what_it_removes_and_replaces(tmp_path: Path) -> None:
    meta = "p/numpy.dist-info/METADATA"
    removed = make_layout(tmp_path / "a", [layer({meta: METADATA}), layer({"p/.wh.numpy.dist-info": b""})])
    opaque = make_layout(tmp_path / "b", [layer({meta: METADATA}), layer({"p/.wh..wh..opq": b""})])
    newer = make_layout(
        tmp_path / "c", [layer({meta: METADATA}), layer({meta: METADATA.replace(b"2.3.5", b"3.0")})]
    )
    assert first_image(removed).packages == () == first_image(opaque).packages
    assert [package.version for package in first_image(newer).packages] == ["3.0"]


def test_an_rpm_database_is_said_not_to_be_read(tmp_path: Path) -> None:
    layout = make_layout(tmp_path, [layer({"var/lib/rpm/rpmdb.sqlite": b"x"})])
    assert first_image(layout).unread == ("rpm",)
    bill = document("cell", "sha256:f", "sha256:" + "e" * 64, first_image(layout), "", 0)
    assert bill["comment"] == "the rpm database was not read"


def test_what_a_dockerfile_fetches_is_named_with_its_hash() -> None:
    assert fetched(DOCKERFILE) == (
        Fetched("pkg:deb/debian/data@0~git1?arch=all", "data", "0~git1", "4" * 64),
        Fetched(
            "pkg:deb/debian/libonnx-dev@1.21.0%2Bdfsg-1?arch=amd64", "libonnx-dev", "1.21.0+dfsg-1", "3" * 64
        ),
        Fetched("pkg:pypi/mlcommons-loadgen@6.0.17", "mlcommons-loadgen", "6.0.17", "2" * 64),
    )
    assert base_image(DOCKERFILE) == ("debian:bookworm-1-slim", "1" * 64)


def test_every_published_dockerfile_names_its_loadgen_and_base() -> None:
    files = sorted((Path(__file__).parents[2] / "images").glob("cpu/*-cpp-*-debian12/Dockerfile"))
    assert files
    for file in files:
        text = file.read_text(encoding="utf-8")
        if "COPY --link --from=harness" in text:
            assert "mlcommons-loadgen" in {one.name for one in fetched(text)}, file
            assert base_image(text), file


def test_a_bill_of_materials_holds_together_and_is_the_same_twice() -> None:
    found = Inventory(
        "debian",
        (Package("deb", "libstdc++6", "12", "amd64"), Package("pypi", "x_y", "1")),
        (),
        {"opt/mlperf-bake/cell.conf": f"model = m\nweights = weights/m.onnx\nweights_sha256 = {'5' * 64}\n"},
    )
    bill = document("cell", "sha256:f", "sha256:" + "e" * 64, found, DOCKERFILE, 315532800)
    again = document("cell", "sha256:f", "sha256:" + "e" * 64, found, DOCKERFILE, 315532800)
    assert json.dumps(bill) == json.dumps(again)
    packages = bill["packages"]
    assert isinstance(packages, list)
    ids = [package["SPDXID"] for package in packages]
    assert len(set(ids)) == len(ids) and "SPDXRef-deb-libstdc.2b..2b.6-12-amd64" in ids
    relations = bill["relationships"]
    assert isinstance(relations, list)
    known = {*ids, "SPDXRef-DOCUMENT"}
    assert {one[key] for one in relations for key in ("spdxElementId", "relatedSpdxElement")} == known
    assert {"CONTAINS", "GENERATED_FROM", "DESCRIBES"} == {one["relationshipType"] for one in relations}
    (weights,) = [package for package in packages if package["name"] == "m.onnx"]
    assert weights["checksums"] == [{"algorithm": "SHA256", "checksumValue": "5" * 64}]
    assert bill["creationInfo"] == {
        "created": "1980-01-01T00:00:00Z",
        "creators": ["Tool: mlperf-bake-0.1.0"],
    }


def test_a_base_that_stood_in_is_not_called_the_locked_one() -> None:
    nothing = Inventory("", (), (), {})
    bill = document("cell", "v", "sha256:" + "e" * 64, nothing, DOCKERFILE, 0, own_base=True)
    assert "1" * 64 not in json.dumps(bill)


def test_equal_images_differ_in_nothing(tmp_path: Path) -> None:
    layouts = [make_layout(tmp_path / name, [layer({"x": b"1"})]) for name in ("a", "b")]
    assert list(differences(*layouts)) == []


def test_a_difference_names_layer_file_and_what(tmp_path: Path) -> None:
    config = {"history": [{"created_by": "COPY /x /x"}, {"created_by": "ENV", "empty_layer": True}]}
    one = make_layout(tmp_path / "a", [layer({"x": b"1", "only": b""})], config={**config, "created": "A"})
    other = make_layout(tmp_path / "b", [layer({"x": b"22"})], config={**config, "created": "B"})
    found = list(differences(one, other))
    where = "layer 1 (COPY /x /x)"
    assert found[0] == Difference("configuration", "created", "A", "B")
    assert Difference(where, "only", "file", "missing") in found
    assert Difference(where, "x: size", "1", "2") in found
    assert any(entry.what == "x: sha256" for entry in found)


def test_a_layer_that_one_image_lacks_and_a_time_are_differences(tmp_path: Path) -> None:
    one = make_layout(tmp_path / "a", [layer({"x": b"1"}), layer({"y": b"1"})])
    other = make_layout(tmp_path / "b", [layer({"x": b"1"})])
    assert [entry.where for entry in differences(one, other)] == ["layer 2"]
    late = make_layout(tmp_path / "c", [layer({}, [member("d", 0o755, tarfile.DIRTYPE, mtime=5)])])
    early = make_layout(tmp_path / "d", [layer({}, [member("d", 0o755, tarfile.DIRTYPE, mtime=4)])])
    assert [str(entry) for entry in differences(late, early)] == ["layer 1: d: time: 5 != 4"]


def test_what_gives_privileges_is_found_and_the_bases_told_apart(tmp_path: Path) -> None:
    layers = [
        layer({}, [member("usr/bin/su", 0o4755), member("tmp", 0o1777, tarfile.DIRTYPE)]),
        layer(
            {},
            [
                member("opt/x", 0o2755),
                member("opt/open", 0o777, tarfile.DIRTYPE),
                member("l", 0o777, tarfile.SYMTYPE),
            ],
        ),
    ]
    layout = make_layout(tmp_path, layers, config=OWN)
    assert scan(layout, layout.images()[0]) == (
        Finding("setuid", "opt/x", 2, "2755", False),
        Finding("setuid", "usr/bin/su", 1, "4755", True),
        Finding("world-writable", "opt/open", 2, "0777", False),
    )


def test_a_removed_setuid_file_is_gone_but_a_removed_secret_is_not(tmp_path: Path) -> None:
    layers = [
        layer(
            {"root/pip.conf": b"index-url = https://me:s3cr3t-t0ken@index.example/simple\n"},
            [member("bin/su", 0o4755)],
        ),
        layer({"root/.wh.pip.conf": b"", "bin/.wh.su": b""}),
    ]
    layout = make_layout(tmp_path, layers)
    assert scan(layout, layout.images()[0]) == (
        Finding("secret", "root/pip.conf", 1, "an address with a password", False),
    )


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"-----BEGIN RSA PRIVATE KEY-----\n" + b"A" * 64, {"a private key"}),
        (b"-----BEGIN PRIVATE KEY-----\n and prose", set()),
        (b"proxy http://user:password@proxy.example:3128", set()),
        (b"x" * 5000 + b"hunter2hunter2", {"a secret of this machine"}),
        (b"http://${USER}:${PASS}@host", set()),
    ],
)
def test_secrets_are_known_by_their_looks_or_told(content: bytes, found: set[str], tmp_path: Path) -> None:
    layout = make_layout(tmp_path, [layer({"f": content})])
    assert {one.found for one in scan(layout, layout.images()[0], ["hunter2hunter2"])} == found


def test_a_secret_in_a_variable_or_the_history_is_found(tmp_path: Path) -> None:
    config = {
        "config": {"Env": ["A=hunter2hunter2"]},
        "history": [{"created_by": "RUN curl https://u:l0ngsecret@h.example"}],
    }
    layout = make_layout(tmp_path, [layer({"f": b""})], config=config)
    found = scan(layout, layout.images()[0], ["hunter2hunter2"])
    assert {one.found for one in found} == {"a secret of this machine", "an address with a password"}
    assert {one.path for one in found} == {"configuration"}


@pytest.mark.parametrize(
    ("variable", "found"),
    [
        ("KEY=-----BEGIN PRIVATE KEY-----\n" + "A" * 64, "a private key"),
        ('P=pass"word\\mit-ü', "a secret of this machine"),
    ],
)
def test_what_json_would_escape_hides_no_secret(variable: str, found: str, tmp_path: Path) -> None:
    layout = make_layout(tmp_path, [layer({"f": b""})], config={"config": {"Env": [variable]}})
    assert [one.found for one in scan(layout, layout.images()[0], ['pass"word\\mit-ü'])] == [found]


def test_another_name_of_a_setuid_file_outlives_the_first(tmp_path: Path) -> None:
    link = member("opt/su", 0o4755, tarfile.LNKTYPE, linkname="bin/su")
    layout = make_layout(tmp_path, [layer({}, [member("bin/su", 0o4755), link]), layer({"bin/.wh.su": b""})])
    assert scan(layout, layout.images()[0]) == (Finding("setuid", "opt/su", 1, "4755", False),)


def test_capabilities_of_a_file_are_found(tmp_path: Path) -> None:
    able = member("bin/ping", 0o755, pax_headers={CAPABILITIES: "\x01\x00\x00\x02"})
    layout = make_layout(tmp_path, [layer({}, [able])])
    assert scan(layout, layout.images()[0]) == (Finding("setuid", "bin/ping", 1, "capabilities", False),)


def test_a_layer_that_empties_a_directory_keeps_what_it_puts_there_itself(tmp_path: Path) -> None:
    old = layer({}, [member("opt/old", 0o4755)])
    new = layer({}, [member("opt/new", 0o4755), member("opt/.wh..wh..opq")])
    layout = make_layout(tmp_path, [old, new])
    assert scan(layout, layout.images()[0]) == (Finding("setuid", "opt/new", 2, "4755", False),)


@given(before=st.integers(0, 64))
def test_a_secret_across_blocks_is_found(before: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    from io import BytesIO

    from mlperf_bake.oci.scan import BLOCK, _secrets

    secret = b"s3cret-of-sixteen"
    content = b"x" * (BLOCK - before) + secret
    assert _secrets(BytesIO(content), len(content), (secret,)) == {"a secret of this machine"}


@pytest.mark.parametrize(
    "path",
    [
        "var/cache/apt/archives/x_1_amd64.deb",
        "root/.cache/pip/http/x",
        "opt/w/x-1-py3-none-any.whl",
        "var/lib/apt/lists/deb_main",
    ],
)
def test_caches_of_package_managers_are_found(path: str, tmp_path: Path) -> None:
    layout = make_layout(tmp_path, [layer({path: b"1"})])
    assert [one.rule for one in scan(layout, layout.images()[0])] == ["package cache"]


def test_a_damaged_layer_is_told(tmp_path: Path) -> None:
    layout = make_layout(tmp_path, [b"no tar at all"])
    with pytest.raises(UsageError, match="a layer cannot be read"):
        first_image(layout)


def test_a_damaged_manifest_is_told(tmp_path: Path) -> None:
    layout = make_layout(tmp_path, [layer({"x": b"1"})])
    layout.blob(layout.top.digest).write_bytes(b"{}")
    with pytest.raises(UsageError, match="damaged"):
        layout.images()


def test_a_directory_that_is_no_layout_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a complete OCI layout"):
        Layout(tmp_path).images()
