"""The commands with invented images and answers: demo, fake-gemini."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from annotated_types import Gt

from dermasynth_builder.cli.command import Chosen, command
from dermasynth_builder.core.option import Option
from dermasynth_builder.core.options import DEFAULT_SEED


@command(example="dermasynth demo --out /tmp/demo/dermasynth", first=("--images", "--out", "--work"))
def demo(
    *,
    images: Annotated[int, Option("how many specimens of each source", "--images")] = 18,
    work: Annotated[Path, Option("folder for ledgers, image index and lists", "--work", metavar="DIR")] = Path(
        "demo/build"
    ),
    out: Annotated[Path, Option("the release folder", "--out", metavar="DIR")] = Path("demo/dermasynth"),
) -> None:
    """Build and show a small release from drawn specimens."""
    from dermasynth_builder.cli.demo import run_demo
    from dermasynth_builder.cli.terminal import TerminalReporter, text_width
    from dermasynth_builder.release.columns import flat
    from dermasynth_builder.report.show import pair_text

    rows = [flat(row) for row in run_demo(work, out, images=images, report=TerminalReporter())]
    rows.sort(key=lambda row: not any(ground["kind"] == "measured" for ground in row["grounds"]))
    print(f"\nthree pairs, as load_dataset gives them from {out}, first those that say what is to be seen:\n")
    for row in rows[:3]:
        print(pair_text(row, text_width()), end="\n\n")


def _layouts_text() -> str:
    from dermasynth_builder.cli.specimens import layouts_text

    return layouts_text().strip()


@command(
    example="dermasynth specimens derm12345 --to specimens/derm12345 --images 24 --layout flat",
    first=("--to", "--images", "--layout"),
    more=_layouts_text,
)
def specimens(
    source: Annotated[str, Option("the source", metavar="SOURCE")],
    /,
    *,
    to: Annotated[Path, Option("a new or empty folder, or one of before", "--to", metavar="DIR")],
    images: Annotated[int, Option("about how many", "--images"), Gt(0)] = 18,
    layout: Annotated[
        str | None, Option("how the release lies on disk; see below", "--layout", metavar="LAYOUT")
    ] = None,
) -> None:
    """Draw a small invented raw release, to try the other commands on."""
    from dermasynth_builder.cli.specimens import draw_specimens

    draw_specimens(source, to, images=images, layout=layout)
    print(
        f"{source}: specimens drawn into {to}, invented from first to last; next: dermasynth build {source} --raw {to}"
    )


def _faults_text() -> str:
    from dermasynth_builder.invented.fake_gemini.faults import ENDINGS, LASTING, PASSING

    return (
        "Kinds of --fault\n"
        f"  another attempt may come through: {', '.join(PASSING)}\n"
        f"  every attempt at the same request: {', '.join(LASTING)}\n"
        f"  batch jobs as a whole: {', '.join(ENDINGS)}\n"
        "The first two strike requests online and rows of batch jobs alike."
    )


@dataclass(frozen=True, slots=True)
class FakeOptions:
    """How the service goes, and how it goes wrong."""

    port: Annotated[int, Option("where to listen on 127.0.0.1", "--port")] = 8099
    seed: Annotated[int, Option("of the answers and faults", "--seed")] = DEFAULT_SEED
    latency_ms: Annotated[float, Option("how long an answer takes", "--latency-ms", metavar="MS")] = 0.0
    rpm: Annotated[float | None, Option("requests a minute, then 429", "--rpm")] = None
    rpd: Annotated[int | None, Option("requests in all, then 429 for the day", "--rpd")] = None
    faults: Annotated[
        Sequence[str],
        Option(
            "how often something goes wrong, as safety=0.01 or job-expired=0.3; may be repeated",
            "--fault",
            metavar="KIND=SHARE",
        ),
    ] = ()
    job_looks: Annotated[int, Option("looks at a batch job until it ends", "--job-looks"), Gt(0)] = 2
    job_tokens: Annotated[
        int | None, Option("tokens in all batch jobs that have not ended, then 429", "--job-tokens"), Gt(0)
    ] = None


@command(
    own=FakeOptions,
    example="dermasynth fake-gemini --port 8099 --fault server=0.05 --fault job-expired=0.3",
    first=("--port", "--fault", "--rpm", "--rpd", "--latency-ms"),
    more=_faults_text,
)
def fake_gemini(chosen: Chosen, /) -> None:
    """Serve invented answers on loopback, as Gemini or a server of chat completions would; no key, no cost."""
    from dermasynth_builder.invented.fake_gemini.batches import FakeBatches
    from dermasynth_builder.invented.fake_gemini.faults import ending_of, shares_of
    from dermasynth_builder.invented.fake_gemini.service import FakeGemini, serve

    options = FakeOptions(**chosen)
    shares = shares_of(options.faults)
    service = FakeGemini(
        seed=options.seed,
        shares=shares,
        latency_s=options.latency_ms / 1000,
        per_minute=options.rpm,
        per_day=options.rpd,
        batches=FakeBatches(
            looks_until_ended=options.job_looks,
            most_tokens=options.job_tokens,
            ending=lambda job: ending_of(job.name, shares, seed=options.seed),
        ),
    )
    serve(service, options.port, say=print)
