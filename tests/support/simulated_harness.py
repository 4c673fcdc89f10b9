"""A harness that is a queue: lanes with known service times, LoadGen's rules, and so a known best setting."""

import heapq
import math
from dataclasses import dataclass, field, replace
from random import Random

from mlperf_bake.errors import RunFailed
from mlperf_bake.tune.early_stopping import queries_needed
from mlperf_bake.tune.executions import Fixed, axes
from mlperf_bake.tune.setting import STREAMS, Execution, Measurement, Setting

MOST_SIMULATED = 3000


@dataclass
class SimulatedHarness:
    """Answers as a ``Measure`` does.

    Attributes:
        scenario: of all runs.
        cpus: of the machine.
        sample_s: what one sample takes on one CPU.
        serial: share of it that more threads do not speed up.
        batch_gain: share of it that a large batch saves.
        best_batch: larger ones do not fit the cache and lose again.
        limit_s: of Server's latency.
        noise: standard deviation of a run's speed, as a share.
        fails: executions that cannot be run.
        asked: everything that was run.
    """

    scenario: str
    cpus: int = 8
    sample_s: float = 0.008
    serial: float = 0.2
    batch_gain: float = 0.3
    best_batch: int = 8
    limit_s: float = 0.015
    noise: float = 0.0
    fails: frozenset[Execution] = frozenset()
    random: Random = field(default_factory=lambda: Random(7))
    asked: list[tuple[Setting, float]] = field(default_factory=list)

    @property
    def default(self) -> Execution:
        """What this harness prefers."""
        if self.scenario == "SingleStream":
            return Execution(1, self.cpus, 1)
        return Execution(self.cpus, 1, 1)

    def __call__(self, setting: Setting, duration_s: float) -> Measurement:
        self.asked.append((setting, duration_s))
        execution = setting.execution or self.default
        if execution in self.fails:
            raise RunFailed("the backend failed", found="out of memory")
        drift = math.exp(self.random.gauss(0, self.noise))
        if self.scenario in STREAMS:
            return self._stream(setting, execution, duration_s, drift)
        if self.scenario == "Offline":
            return self._offline(setting, execution, duration_s, drift)
        return self._server(setting, execution, duration_s, drift)

    def batch_s(self, execution: Execution, samples: int) -> float:
        """Seconds that a batch of so many samples takes."""
        crowded = max(1.0, execution.workers * execution.threads / self.cpus)
        parallel = self.serial + (1 - self.serial) / execution.threads
        saved = self.batch_gain * (1 - 1 / samples)
        spilt = 0.1 * max(0.0, math.log2(samples / self.best_batch))
        return self.sample_s * crowded * parallel * samples * (1 - saved + spilt)

    def throughput(self, execution: Execution) -> float:
        """Samples/s of Offline."""
        return execution.workers * execution.batch / self.batch_s(execution, execution.batch)

    def latency_s(self, execution: Execution) -> float:
        """Of one query of a stream."""
        samples = 8 if self.scenario == "MultiStream" else 1
        rounds = math.ceil(samples / (execution.workers * execution.batch))
        return rounds * self.batch_s(execution, min(samples, execution.batch))

    def executions(self) -> set[Execution]:
        """Everything that the axes lead to."""
        along, seen, fresh = axes(self.scenario, self.cpus, Fixed()), {self.default}, {self.default}
        while fresh:
            fresh = {each for now in fresh for axis in along for each in axis(now)} - seen
            fresh = {each for each in fresh if each.workers <= 2 * self.cpus}
            seen |= fresh
        return seen

    def late(self, execution: Execution, rate: float, queries: int) -> int:
        """How many of so many queries of Server are late; the same arrivals every time, and the first ones for all."""
        if queries > MOST_SIMULATED:
            return round(self.late(execution, rate, MOST_SIMULATED) * queries / MOST_SIMULATED)
        arrivals = Random(1)
        now, waiting = 0.0, []
        for _ in range(queries):
            now += arrivals.expovariate(rate)
            waiting.append(now)
        free = [0.0] * execution.workers
        late = at = 0
        while at < queries:
            start = max(heapq.heappop(free), waiting[at])
            taken = 1
            while taken < execution.batch and at + taken < queries and waiting[at + taken] <= start:
                taken += 1
            end = start + self.batch_s(execution, taken)
            heapq.heappush(free, end)
            late += sum(end - waiting[at + i] > self.limit_s for i in range(taken))
            at += taken
        return late

    def in_time(self, execution: Execution, rate: float, duration_s: float) -> bool:
        """Whether LoadGen calls such a run VALID."""
        queries = max(1, round(rate * duration_s))
        late = self.late(execution, rate, queries)
        return late <= 0.01 * queries and queries >= queries_needed(late)

    def _offline(
        self, setting: Setting, execution: Execution, duration_s: float, drift: float
    ) -> Measurement:
        value = drift * self.throughput(execution)
        target = setting.target_qps or 1.25 * value
        valid = 1.1 * duration_s * target / value >= duration_s
        return replace(self._measured(execution, valid), value=value, target_qps=target)

    def _stream(self, setting: Setting, execution: Execution, duration_s: float, drift: float) -> Measurement:
        latency_ms = 1e3 * self.latency_s(execution) / drift
        target = setting.target_latency_ms or 0.8 * latency_ms
        valid = target <= 2 * latency_ms
        return replace(
            self._measured(execution, valid),
            mean_ms=latency_ms,
            p90_ms=1.1 * latency_ms,
            target_latency_ms=target,
        )

    def _server(self, setting: Setting, execution: Execution, duration_s: float, drift: float) -> Measurement:
        rate = setting.target_qps or 0.4 * self.throughput(execution)
        slower = replace(self, sample_s=self.sample_s / drift)
        queries = max(1, round(rate * duration_s))
        late = slower.late(execution, rate, queries)
        measured = replace(self._measured(execution, True), value=rate, target_qps=rate)
        if late > 0.01 * queries:
            return replace(measured, valid=False, reasons=("latency limit exceeded",))
        if queries < queries_needed(late):
            longer = str(math.ceil(1.2 * queries_needed(late) / rate))
            reasons = ("too few queries for early stopping",)
            return replace(measured, valid=False, reasons=reasons, correction=("--duration", longer))
        return measured

    def _measured(self, execution: Execution, valid: bool) -> Measurement:
        reasons = () if valid else ("minimum duration not met",)
        return Measurement(f"run-{len(self.asked)}", execution, self.cpus, valid, reasons)
