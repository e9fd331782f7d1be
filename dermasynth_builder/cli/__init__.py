"""The command `dermasynth`: words into settings, results onto the terminal, errors into exit codes.

The only place that prints or exits. Exit codes: 0 done, 1 the work failed, 2 wrong use, 3 stopped early.
"""

import gc
import os
import signal
import sqlite3
import sys
import threading
import warnings
from collections.abc import Collection, Sequence
from io import TextIOWrapper

from cyclopts import App, CycloptsError

from dermasynth_builder import __version__
from dermasynth_builder.cli import build, claims, compare, hub, invented, leaks, ledgers, look, review, train
from dermasynth_builder.cli.command import Command
from dermasynth_builder.core.errors import DermaSynthError, StoppedError, UsageError

COMMANDS: dict[str, Command] = {
    "demo": invented.demo,
    "init": build.init,
    "sources": look.sources,
    "audit": look.audit,
    "leaks": leaks.leaks,
    "download": hub.download,
    "specimens": invented.specimens,
    "questions": look.questions,
    "plan": build.plan,
    "cost": build.cost,
    "generate": build.generate,
    "merge": ledgers.merge,
    "release": build.release,
    "build": build.build,
    "push": hub.push,
    "verify": hub.verify,
    "export": train.export,
    "train": train.train,
    "evaluate items": train.items,
    "evaluate predict": train.predict,
    "evaluate score": train.score,
    "evaluate compare": train.compare,
    "evaluate invented": train.invented,
    "push-model": train.push_model,
    "status": look.status,
    "report": look.report,
    "claims": claims.claims,
    "compare": compare.compare,
    "failures": look.failures,
    "cancel": ledgers.cancel,
    "show": look.show,
    "view": review.view,
    "review": review.review,
    "fake-gemini": invented.fake_gemini,
}
GROUPS = {"evaluate": "Measure a model on closed questions about held-out images, with controls."}
"""Commands that have commands of their own, and what they are for."""
_INSTALL = "--install-completion"
OLD_SPELLINGS = {"--allow-missing-images": "--whole-table"}
"""Options of older versions, and what stands for them now."""

_EPILOG = """\
examples:
  dermasynth demo
  dermasynth download hiba --limit 60 --accept-licence
  dermasynth init
  dermasynth audit
  dermasynth build
  dermasynth show -n 5
  dermasynth push USER/dermasynth --dry-run

`dermasynth COMMAND --help` tells more of a command.
exit codes: 0 done, 1 the work failed, 2 wrong use, 3 stopped early: run it again to go on
"""


def main(words: Sequence[str] | None = None) -> int:
    """Runs one command and gives its exit code."""
    words = list(sys.argv[1:] if words is None else words)
    _heed_ctrl_c()
    gc.set_threshold(100_000, 50, 100)  # records by the million, without cycles: to look through them takes a tenth
    _replace_what_stdout_cannot_show()
    warnings.filterwarnings("ignore", module="PIL")  # what is wrong with an image, and its file, is told by us
    try:
        return _run(words)
    except DermaSynthError as error:
        _complain(f"dermasynth: {error}")
        return 2 if isinstance(error, UsageError) else 3 if isinstance(error, StoppedError) else 1
    except KeyboardInterrupt:
        _complain("dermasynth: stopped; run the same command again to continue")
        return 1
    except BrokenPipeError:  # the reader, `head` say, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, sqlite3.Error) as error:  # what is measured of images, and waits at a service, is in such files
        _complain(f"dermasynth: {error}; check that the disk has room and the folder may be written")
        return 1
    return 0


def _run(words: Sequence[str]) -> int:
    name = next((each for each in (" ".join(words[:2]), *words[:1]) if each in COMMANDS), " ".join(words[:1]))
    app = make_app(COMMANDS if name == _INSTALL else {name})
    if not words:  # wrong use, so that a script whose variable is empty does not go on
        app.help_print([])
        return 2
    try:
        app(words)
    except CycloptsError as error:
        usage = f"{name} {COMMANDS[name].usage}" if name in COMMANDS else "COMMAND [options]"
        told = f"dermasynth {name}" if name in COMMANDS else "dermasynth"
        renamed = [f"\n{old} is now {new}" for old, new in OLD_SPELLINGS.items() if old in words]
        _complain(f"{told}: {error}{''.join(renamed)}")
        print(f"usage: dermasynth {usage}\nhelp: {told} --help", file=sys.stderr)
        return 2
    return 0


def _complain(text: str) -> None:
    from dermasynth_builder.cli.terminal import complain  # rich takes a while, and most commands end well

    complain(text)


def make_app(wanted: Collection[str]) -> App:
    """All commands by their summaries, those that are wanted with their options; these take work to find out."""
    app = App(
        name="dermasynth",
        help="Turns public dermatology image sets into image-text pairs and publishes them as a data set.",
        version=f"dermasynth {__version__}",
        help_format="plaintext",
        help_epilogue=_EPILOG,
        result_action="return_value",
        print_error=False,
        exit_on_error=False,
        suppress_keyboard_interrupt=False,
    )
    groups: dict[str, App] = {}
    for place, (each, command) in enumerate(COMMANDS.items()):
        group, _, step = each.rpartition(" ")
        if group and group not in groups:
            groups[group] = App(
                name=group, help=GROUPS[group], help_format="plaintext", version_flags=(), sort_key=place
            )
            app.command(groups[group])
        (groups[group] if group else app).command(
            command.as_function() if each in wanted else lambda: None,
            name=step,
            help=command.help if each in wanted else command.summary,
            usage=f"Usage: dermasynth {each} {command.usage}" if each in wanted else "",
            help_epilogue=f"example:\n  {command.example}",
            sort_key=place,
        )
    app.register_install_completion_command(_INSTALL, help="Have the shell complete commands and options.")
    return app


def _heed_ctrl_c() -> None:
    """Makes SIGINT a KeyboardInterrupt where this process was started with SIGINT ignored.

    A shell starts the background jobs of a script so; a handler of the caller's own stays. Outside the main thread,
    where none can be set, it does nothing.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _replace_what_stdout_cannot_show() -> None:
    """Has a question mark stand for what the encoding of stdout lacks; stderr escapes it by itself."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
