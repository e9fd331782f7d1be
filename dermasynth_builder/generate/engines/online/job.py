"""A request on its way: what its attempts came to so far, and the reply in the end."""

from collections import Counter
from dataclasses import dataclass, field

from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.records import Reply, Request
from dermasynth_builder.generate.engines.online.attempt import Return
from dermasynth_builder.generate.engines.online.outcomes import Came
from dermasynth_builder.plan import reply_form

TRIES = 5  # at a service that fails
_REPAIRS = 2  # of an answer that breaks its schema or was cut off


@dataclass(slots=True)
class Job:
    """A request until it is settled."""

    number: int  # in the order of being pulled
    request: Request
    max_output_tokens: int
    started: float  # when it was pulled, by the scheduler's clock
    attempts: int = 0
    breaks: int = 0  # attempts at which the service failed
    repairs: int = 0  # answers that were asked for again
    carried_s: float = 0.0
    sent_at: str = ""
    usage: Counter[str] = field(default_factory=Counter)
    cost_usd: float | None = None
    set_aside: tuple[float, float] = (0.0, 0.0)  # tokens and dollars of the attempt that is under way

    def account(self, back: Return, options: EngineOptions) -> float:
        """Takes down an attempt that is back; gives what it cost, as far as is known."""
        self.carried_s += back.took_s
        self.sent_at = self.sent_at or back.sent_at
        usage = back.outcome.usage
        self.usage.update(usage)
        cost_usd = options.price(options.model or "", usage) if usage and options.price else None
        if cost_usd is not None:
            self.cost_usd = (self.cost_usd or 0.0) + cost_usd
        return cost_usd or 0.0

    def fault(self, back: Return) -> str | None:
        """Why the attempt gave no good answer, "kind: reason"; None where it did."""
        if back.outcome.came is not Came.ANSWERED:
            return back.outcome.reason
        try:
            reply_form.exchanges(self.request, Reply(self.request.key, back.outcome.text))
        except reply_form.BadReply as bad:
            return str(bad)
        return None

    def goes_again(self, came: Came, fault: str | None) -> bool:
        """Whether another attempt is worth it, which is then taken down as made."""
        if came is Came.BROKE and self.breaks + 1 < TRIES:
            self.breaks += 1
            return True
        if fault and came in (Came.CUT, Came.ANSWERED) and self.repairs < _REPAIRS:
            self.repairs += 1
            self.max_output_tokens *= 2 if came is Came.CUT else 1
            return True
        return False

    def reply(self, back: Return, fault: str | None, *, model: str, now: float) -> Reply:
        """The reply with all that is known of its making."""
        outcome = back.outcome
        is_several = fault and self.attempts > 1
        return Reply(
            self.request.key,
            None if fault else outcome.text,
            f"{fault} ({self.attempts} attempts)" if is_several else fault,
            model=model,
            model_version=outcome.model_version,
            usage=dict(self.usage),
            answered_at=back.answered_at,
            sent_at=self.sent_at,
            waited_s=round(max(0.0, now - self.started - self.carried_s), 3),
            attempts=self.attempts,
            finish_reason=outcome.finish_reason,
            cost_usd=self.cost_usd,
            parameters={"max_output_tokens": self.max_output_tokens},
        )
