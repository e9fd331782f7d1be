"""Option records as options of a command: help, choices and limits stand beside the fields, and only there."""

import inspect
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from annotated_types import Ge, Gt, Le
from cyclopts import Group, Parameter, Token

from dermasynth_builder.core.option import TOPICS, Key, Option, keys_of, percent, shares_of
from dermasynth_builder.core.options import Settings
from dermasynth_builder.core.registry import ENGINES, SOURCES

_EMPTY = inspect.Parameter.empty
_NAMES: Mapping[str, Iterable[str]] = {"SOURCE": SOURCES, "ENGINE": ENGINES}  # what a metavar may be
_FIRST = Group("Most used", sort_key=0)
_GROUPS = {topic: Group(title, sort_key=number) for number, (topic, title) in enumerate(TOPICS.items(), 1)}
_RECIPE = Option(
    "file with the settings that are not given here (default: ./recipe.toml, or else what the last run in WORK used)",
    "--recipe",
    metavar="FILE",
)


def settings_keys(wanted: Iterable[str]) -> list[Key]:
    """The fields of `Settings` that are options of the command line, of these topics or names."""
    return [key for key in keys_of(Settings) if key.option.name and {key.option.topic, key.option.name} & set(wanted)]


def parameters_of(keys: Iterable[Key], first: Iterable[str]) -> list[inspect.Parameter]:
    """One option of the command line for each field; those named in `first` come first in help."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    bare = [inspect.Parameter("__".join(key.path), keyword, default=key.default, annotation=key.kind) for key in keys]
    return [_parameter(each, first) for each in bare]


def recipe_parameter(first: Iterable[str]) -> inspect.Parameter:
    """The option `--recipe`."""
    kind = Annotated[Path | None, _RECIPE]
    return _parameter(inspect.Parameter("recipe", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind), first)


def sources_parameter() -> inspect.Parameter:
    """The sources, as words."""
    kind = Annotated[str, Option("one or more (default: those of the recipe)", metavar="SOURCE")]
    return _parameter(inspect.Parameter("sources", inspect.Parameter.VAR_POSITIONAL, annotation=kind), ())


def own_parameters(function: Callable[..., None], first: Iterable[str]) -> list[inspect.Parameter]:
    """What a function takes beside `settings` and `chosen`."""
    parameters = inspect.signature(function, eval_str=True).parameters.values()
    return [_parameter(each, first) for each in parameters if each.name not in ("settings", "chosen")]


def in_order(parameters: Iterable[inspect.Parameter], first: Sequence[str]) -> list[inspect.Parameter]:
    """Words, then the options of `first` in that order, then the others as they come."""

    def place(parameter: inspect.Parameter) -> int:
        name = _name_of(parameter)
        return (
            -1 if parameter.kind is not parameter.KEYWORD_ONLY else first.index(name) if name in first else len(first)
        )

    return sorted(parameters, key=place)


def _name_of(parameter: inspect.Parameter) -> str:
    return "".join(parameter.annotation.__metadata__[0].name[:1])


def usage_of(parameters: Iterable[inspect.Parameter], first: Sequence[str]) -> str:
    """Words, then the options of `first` with what they take."""
    notes = {each: each.annotation.__metadata__[0] for each in parameters}
    words = []
    for each, note in notes.items():
        if each.kind is each.VAR_POSITIONAL:
            words.append(f"[{note.metavar}...]")
        elif each.kind is not each.KEYWORD_ONLY:
            words.append(note.metavar if each.default is _EMPTY else f"[{note.metavar}]")
    takes = {note.name[0]: note.metavar for each, note in notes.items() if each.kind is each.KEYWORD_ONLY}
    words += [f"[{name} {takes[name]}]" if takes[name] else f"[{name}]" for name in first]
    return " ".join([*words, *(["[options]"] if len(takes) > len(first) else [])])


def value_of(key: Key, said: Any) -> Any:
    """The field's value for what the command line says."""
    return key.option.words[said] if key.option.words else said


def nested(given: Mapping[Key, Any]) -> dict[str, Any]:
    """Values by field, those of a record inside in a mapping of their own; see `core.recipe.overlaid`."""
    found: dict[str, Any] = {}
    for key, value in given.items():
        inside = found
        for name in key.path[:-1]:
            inside = inside.setdefault(name, {})
        inside[key.path[-1]] = value
    return found


def _parameter(bare: inspect.Parameter, first: Iterable[str]) -> inspect.Parameter:
    """The parameter with what cyclopts has to know in place of our `Option`."""
    kind, *notes = get_args(bare.annotation)
    option = next(note for note in notes if isinstance(note, Option))
    is_word, is_flag = bare.kind is not bare.KEYWORD_ONLY, kind is bool and not option.words
    kind, default = _as_said(kind, bare.default, option)
    return bare.replace(
        default=default,
        annotation=Annotated[
            kind,
            Parameter(
                name=option.name or None,
                help=option.sentence,
                group=_FIRST if is_word or option.name in first else _GROUPS[option.topic],
                metavar=None if is_flag else option.metavar or "|".join(option.words) or "N",
                converter=_reader(option.read) if option.read else None,
                n_tokens=1 if option.read else None,
                allow_repeating=True,  # the last one counts
                validator=[] if option.read else [_bounded(note) for note in notes if isinstance(note, Gt | Ge | Le)],
                negative=None if is_flag and option.topic and option.scope != "once" else (),
                show_default=_shown(option, default),
            ),
        ],
    )


def _as_said(kind: Any, default: Any, option: Option) -> tuple[Any, Any]:
    """Type and default of what the command line says."""
    if option.words:
        return Literal[tuple(option.words)], next(word for word, value in option.words.items() if value == default)
    if option.metavar in _NAMES:
        return Literal[tuple(_NAMES[option.metavar])], default
    return (list[str] | None, None) if option.name == "--raw" else (kind, default)


def _shown(option: Option, default: Any) -> Callable[[Any], str] | bool:
    """The default as one would write it; nothing where the help text says what happens."""
    if default in (None, False, (), "", (1, 1), _EMPTY):
        return False
    if option.read is percent:
        return lambda share: f"{share * 100:.3g}"
    if option.read is shares_of:
        return lambda shares: "/".join(f"{share * 100:g}" for share in shares)
    return True


def _reader(read: Callable[[str], Any]) -> Callable[[Any, Iterable[Token]], Any]:
    def convert(_: Any, tokens: Iterable[Token]) -> Any:
        return read(next(iter(tokens)).value)

    return convert


def _bounded(bound: Gt | Ge | Le) -> Callable[[Any, float | None], None]:
    """What refuses a number beyond the bound, and one that is none."""
    match bound:
        case Gt(limit):
            is_within, told = operator.gt, "above zero" if limit == 0 else f"above {limit}"
        case Ge(limit):
            is_within, told = operator.ge, f"from {limit} on"
        case Le(limit):
            is_within, told = operator.le, f"up to {limit}"

    def check(_: Any, value: float | None) -> None:
        if value is not None and not (is_within(value, limit) and isfinite(value)):
            raise ValueError(f"Write a number {told}.")

    return check
