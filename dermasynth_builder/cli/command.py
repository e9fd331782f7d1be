"""Makes a command of a function: command line and recipe into settings, and the settings into the function."""

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from dermasynth_builder.cli import options
from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.core.option import Key, Option, keys_of, overlaid
from dermasynth_builder.core.options import RECIPE, Settings
from dermasynth_builder.core.registry import SOURCES

Chosen = Mapping[str, Any]  # fields of a command's own option record -> what the command line says
WholeTable = Annotated[
    bool, Option("count the images that are not on disk too (default: only where none is)", "--whole-table")
]
_SOURCES = "sources"
RECIPE_ALONE = "recipe"
"""What a command wants that takes what a recipe says, and no option for it."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command of `dermasynth`: a function, and where its parameters `settings` and `chosen` come from."""

    function: Callable[..., None]
    wanted: tuple[
        str, ...
    ]  # topics and names of options of `Settings`; "sources": sources with their folders; RECIPE_ALONE
    own: type | None  # an option record that this command alone has
    example: str
    first: tuple[str, ...]  # the options that matter first
    more: Callable[[], str]  # help that takes work to find out

    @property
    def keys(self) -> dict[str, Key]:
        """The fields of `Settings` that are options, by parameter."""
        return {"__".join(key.path): key for key in options.settings_keys(self.wanted)}

    @property
    def own_keys(self) -> dict[str, Key]:
        """The same of the command's own record."""
        return {key.path[0]: key for key in keys_of(self.own)} if self.own else {}

    @property
    def parameters(self) -> list[inspect.Parameter]:
        """Words first, then options."""
        found = options.own_parameters(self.function, self.first)
        if _SOURCES in self.wanted:
            found.insert(0, options.sources_parameter())
        found += options.parameters_of([*self.keys.values(), *self.own_keys.values()], self.first)
        if self.wanted:
            found.append(options.recipe_parameter(self.first))
        return options.in_order(found, self.first)

    @property
    def help(self) -> str:
        """For the command's own help."""
        paragraphs = (inspect.getdoc(self.function) or "").split("\n\n")
        return "\n\n".join(filter(None, (*(" ".join(each.splitlines()) for each in paragraphs), self.more())))

    @property
    def summary(self) -> str:
        """For the list of commands."""
        return (self.function.__doc__ or "").partition("\n")[0]

    @property
    def usage(self) -> str:
        """What follows the command's name: its words, and the options that matter first."""
        return options.usage_of(self.parameters, self.first)

    def as_function(self) -> Callable[..., None]:
        """What cyclopts takes: a function whose parameters are the words and options."""

        def run(*words: Any, **given: Any) -> None:
            self(words, given)

        run.__signature__ = inspect.Signature(self.parameters)  # type: ignore[attr-defined]
        return run

    def __call__(self, words: Sequence[Any], given: dict[str, Any]) -> None:
        """Runs it with what the command line says. Raises UsageError."""
        front: list[Any] = []
        if self.wanted:
            keys = self.keys
            said = {key: given.pop(name) for name, key in keys.items() if name in given}
            sources = words if _SOURCES in self.wanted else None
            is_all_said = sources is None and 0 < len(said) == len(keys)
            front.append(_settings(said, given.pop("recipe", None), is_all_said=is_all_said, sources=sources))
            words = () if sources is not None else words
        if self.own:
            front.append({name: given.pop(name) for name in self.own_keys if name in given})
        self.function(*front, *words, **given)


def command(
    *wanted: str,
    example: str,
    first: tuple[str, ...] = (),
    own: type | None = None,
    more: Callable[[], str] = lambda: "",
) -> Callable[[Callable[..., None]], Command]:
    """Makes a command of a function; see `Command`."""
    return lambda function: Command(function, wanted, own, example, first, more)


def looking_at(settings: Settings, whole_table: bool) -> Settings:
    """The settings of a command that only looks: without any image on disk, it goes by the tables."""
    if settings.rows != "with_image":
        return settings
    return replace(settings, rows="all" if whole_table else "with_image_or_all")


def _settings(
    said: Mapping[Key, Any], recipe: Path | None, *, is_all_said: bool, sources: Sequence[str] | None
) -> Settings:
    """What the command line says over what a recipe says. Raises UsageError."""
    values = {key: options.value_of(key, value) for key, value in said.items()}
    raw = next((value for key, value in said.items() if key.path == ("raw",)), ())
    given = options.nested(values)
    base = Settings(raw={})
    if recipe or not is_all_said:
        base = _base(recipe, given.get("work", base.work), is_named=bool(sources or raw))
    if sources is not None:
        given["raw"] = raw_folders(sources, raw, base.raw)
    try:
        settings: Settings = overlaid(base, given)
    except ValueError as error:
        raise UsageError(str(error)) from error
    return settings if sources is None else _with_specimens_told(settings)


def _with_specimens_told(settings: Settings) -> Settings:
    """The settings, with drawn specimens taken for what they are. Raises UsageError where others are beside them."""
    from dermasynth_builder.read.find import are_specimens

    drawn = [name for name, folder in settings.raw.items() if are_specimens(folder)]
    if drawn and (others := settings.raw.keys() - drawn) and not settings.is_specimen:
        raise UsageError(
            f"{settings.raw[drawn[0]]} holds drawn specimens, and {settings.raw[min(others)]} does not; one release "
            "cannot hold both: build them apart"
        )
    return replace(settings, is_specimen=settings.is_specimen or bool(drawn))


def _base(recipe: Path | None, work: Path, *, is_named: bool) -> Settings:
    """The settings of the recipe that is named, else of ./recipe.toml, else of the last run; says which."""
    from dermasynth_builder.core.recipe import read_recipe

    path = recipe or Path(RECIPE)
    if not recipe and not path.is_file():
        path = work / RECIPE
        if is_named or not path.is_file():
            return Settings(raw={})
    settings = read_recipe(path)
    print(f"settings from {path}", file=sys.stderr)
    return settings


def _found_in(folder: Path) -> dict[str, Path]:
    """The raw releases in a folder, where no source is named.

    Raises UsageError where there is none, SourceError where one cannot be read.
    """
    from dermasynth_builder.read.find import raw_in

    found = raw_in(folder)
    if not found:
        raise UsageError(
            f"--raw {folder}: found no raw release with images in it; name a source, as pad_ufes --raw DIR"
        )
    print(f"found in {folder}: {', '.join(f'{name} ({place})' for name, place in found.items())}", file=sys.stderr)
    return found


def _place_of(name: str, folder: Path, sources: int) -> Path:
    """The folder in it that has the source's name, else, for tables tell whose they are, the folder itself."""
    return folder / name if sources > 1 and ((folder / name).exists() or not folder.is_dir()) else folder


def raw_folders(sources: Sequence[str], raw: Sequence[str], known: Mapping[str, Path] | None = None) -> dict[str, Path]:
    """Source -> folder of its raw release, from what `--raw` says and what is known beside. Raises UsageError."""
    said: dict[str, Path] = {}
    plain: list[str] = []
    for text in raw:
        name, mark, folder = text.partition("=")
        if mark and name in SOURCES:
            said[name] = Path(folder)
        else:
            plain.append(text)
    if len(plain) > 1:
        raise UsageError(f"--raw {' '.join(plain)}: with several folders, say which is whose: --raw NAME=DIR")
    names = list(dict.fromkeys(sources or known or said))
    if not names and plain:
        return _found_in(Path(plain[0]))
    if not names:
        raise UsageError("no source is named; name one and its folder, as pad_ufes --raw DIR, or run `dermasynth init`")
    for_all = {name: _place_of(name, Path(plain[0]), len(names)) for name in names if plain}
    folders = {**(known or {}), **for_all, **said}
    if lacking := [name for name in names if name not in folders]:
        raise UsageError(f"no folder for {lacking[0]}; add --raw {lacking[0]}=DIR")
    return {name: folders[name] for name in names}
