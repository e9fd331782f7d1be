"""What the first replies of a run say of all of it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from statistics import mean, stdev
from typing import Any

from dermasynth_builder.generate.usage import Range, read_usage

_WIDTH_95 = 1.96  # standard errors to each side of a mean that hold the true one 95 times in 100


@dataclass(frozen=True, slots=True)
class Sample:
    """What one request has taken, all its attempts together."""

    output: int  # tokens, thinking included
    cost_usd: float | None  # None: not known


@dataclass(frozen=True, slots=True)
class Pilot:
    """What a run comes to by its first requests."""

    samples: int
    output_mean: float  # tokens of a request, thinking included
    output_p95: int  # 95 of 100 requests take no more
    total_usd: Range | None  # of all requests, at 95 percent; None: a price is not known, or there is one sample only


def samples_of(
    usages: Iterable[tuple[str, Mapping[str, Any]]], cost: Callable[[Mapping[str, Any]], float | None]
) -> list[Sample]:
    """One sample a request out of (its key, the usage of one reply to it); `cost` gives the dollars of one reply.

    Replies under names that are not known, or without a usage, are left out.
    """
    samples: dict[str, Sample] = {}
    for key, counts in usages:
        usage = read_usage(counts)
        if usage is None:
            continue
        earlier, paid = samples.get(key, Sample(0, 0.0)), cost(counts)
        is_known = earlier.cost_usd is not None and paid is not None
        dollars = (earlier.cost_usd or 0.0) + (paid or 0.0) if is_known else None
        samples[key] = Sample(earlier.output + usage.output + usage.thoughts, dollars)
    return list(samples.values())


def extrapolate(samples: Sequence[Sample], requests: int) -> Pilot:
    """What `requests` requests come to if they are like the samples, drawn at random from them.

    Raises ValueError where there is no sample.
    """
    if not samples:
        raise ValueError("a pilot needs one answered request or more")
    outputs = sorted(sample.output for sample in samples)
    p95 = outputs[ceil(0.95 * len(outputs)) - 1]
    return Pilot(len(samples), mean(outputs), p95, _total([sample.cost_usd for sample in samples], requests))


def _total(costs: Sequence[float | None], requests: int) -> Range | None:
    known = [cost for cost in costs if cost is not None]
    if len(known) < len(costs) or len(known) < 2:
        return None
    middle, error = mean(known), _WIDTH_95 * stdev(known) / sqrt(len(known))
    return Range(max(0.0, middle - error), middle, middle + error) * requests
