"""The environment of a bake call."""

from mlperf_bake.build.target import bake_environment
from mlperf_bake.engine.secrets import Secret


def test_bake_may_read_outside_the_working_directory_and_gets_the_secrets_that_are_texts() -> None:
    environment = bake_environment([Secret("pip", text="[global]")])
    assert environment["BUILDX_BAKE_ENTITLEMENTS_FS"] == "0"
    assert "[global]" in environment.values()
    assert "PATH" in environment
