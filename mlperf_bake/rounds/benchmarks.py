"""Which rounds have a benchmark, for whoever names one that a round does not have."""

from mlperf_bake.errors import UsageError
from mlperf_bake.matrix.suggestions import did_you_mean
from mlperf_bake.rounds.load import load_round, round_names
from mlperf_bake.rounds.model import ModelRules, Round
from mlperf_bake.rounds.releases import loadgen_releases


def rounds_with(benchmark: str) -> tuple[str, ...]:
    """The rounds that come with the product and have the benchmark, newest first."""
    return tuple(name for name in round_names() if benchmark in load_round(name).models)


def no_such_benchmark(benchmark: str, rules: Round, where: str) -> UsageError:
    """What to raise where a model's benchmark is none of the round's.

    Args:
        where: the place that names the benchmark.
    """
    others = rounds_with(benchmark)
    built = next((name for name in others if name in loadgen_releases()), None)
    problem = f'round {rules.name} has no benchmark "{benchmark}"'
    if built:
        expected = f"a round that has it: {', '.join(others)}"
        return UsageError(problem, where=where, expected=expected, remedy=f"--round {built}")
    if others:
        return UsageError(
            problem,
            where=where,
            found=f"only in {', '.join(others)}, for which no image can be built",
            remedy=f"`collect` and `check` take --round {others[0]}",
        )
    return UsageError(
        problem + did_you_mean(benchmark, rules.models),
        where=where,
        expected="one of " + ", ".join(sorted(rules.models)),
        remedy="correct the benchmark, or choose another round",
    )


def require_benchmark(named: str, rules: Round, where: str) -> ModelRules:
    """The round's benchmark that a log is judged as.

    Args:
        named: the benchmark, or a model that stands for one.
        where: what is judged.

    Raises:
        UsageError: the round has none of that name; says which rounds have it.
    """
    found = rules.benchmark_of(named)
    if found is not None:
        return found
    others = [name for name in round_names() if load_round(name).benchmark_of(named)]
    if not others:
        raise no_such_benchmark(named, rules, where)
    raise UsageError(
        f'round {rules.name} has no benchmark "{named}"',
        where=where,
        expected=f"a round that has it: {', '.join(others)}",
        remedy=f"--round {others[0]}",
    )


def followed_round(benchmark: str, fallback: str | None, round: Round, own: str) -> Round | None:
    """The round whose rules a model follows; None where it can follow none.

    Args:
        benchmark: the model's.
        fallback: the round that the model names for where the matrix's own lacks its benchmark.
        round: the matrix's own round, or the one that the user chose, which nothing takes the place of.
        own: the name of the matrix's own.
    """
    if benchmark in round.models:
        return round
    if fallback is None or round.name != own:
        return None
    former = load_round(fallback)
    return former if benchmark in former.models and former.loadgen is not None else None
