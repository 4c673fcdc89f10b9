"""The build cache of the engine's own BuildKit: how much there is, and dropping what was used least.

Steps of earlier builds that no image holds; dropping one costs no more than doing it again. Images, volumes and containers are
never touched. What an image shares is left too, since dropping it would free nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from mlperf_bake.engine.daemon_socket import DaemonSocket
from mlperf_bake.engine.find import Engine
from mlperf_bake.errors import EngineMissing

API = "/v1.44"
"""That of Engine 25.0, the oldest taken; newer ones spell ``keep-storage`` otherwise in versions of their own."""
DROP_LIMIT_S = 600.0


@dataclass(frozen=True, slots=True)
class CacheUse:
    """Bytes of the build cache.

    Attributes:
        total: all of it.
        own: what no image shares.
        reclaimable: what no image shares and no build uses now: dropping it frees as much.
    """

    total: int
    own: int
    reclaimable: int


def cache_use(engine: Engine) -> CacheUse:
    """What the build cache of a local engine takes.

    Raises:
        EngineMissing: the daemon does not answer, or refuses to tell.
    """
    answer = _asked(engine, "GET", "/system/df?type=build-cache")
    records = answer.get("BuildCache")
    steps = [one for one in records if isinstance(one, dict)] if isinstance(records, list) else []
    own = [one for one in steps if not one.get("Shared")]
    return CacheUse(
        total=sum(_size(one) for one in steps),
        own=sum(_size(one) for one in own),
        reclaimable=sum(_size(one) for one in own if not one.get("InUse")),
    )


def drop_least_used(engine: Engine, wanted: int) -> int:
    """Drop steps, the longest and least used first, until they are ``wanted`` bytes or no more can go.

    Returns:
        Bytes of what was dropped, as the engine counts them.

    Raises:
        EngineMissing: the daemon does not answer, or refuses.
    """
    keep = cache_use(engine).own - wanted
    answer = _asked(engine, "POST", f"/build/prune{f'?keep-storage={keep}' if keep > 0 else ''}")
    freed = answer.get("SpaceReclaimed")
    return freed if isinstance(freed, int) else 0


def _asked(engine: Engine, method: str, url: str) -> Mapping[str, object]:
    with DaemonSocket(engine.host.removeprefix("unix://"), DROP_LIMIT_S) as daemon:
        status, answer = daemon.request(method, API + url)
    if status != HTTPStatus.OK or not isinstance(answer, dict):
        raise EngineMissing(
            "the container engine does not tell or drop its build cache",
            where=engine.host,
            found=str(answer)[:200],
            remedy="docker buildx prune",
        )
    return answer


def _size(record: Mapping[str, object]) -> int:
    size = record.get("Size")
    return max(size, 0) if isinstance(size, int) else 0
