"""Packages that add sources, engines and checks, as an installer would leave them."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from tests.support.paths import ROOT

_FILE = re.compile(r"^`([\w/.]+)`[^\n]*\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def install(folder: Path, project: str, files: Mapping[str, str]) -> Path:
    """Puts a package into `folder`, which belongs on the path: `project` is its pyproject.toml, `files` its modules."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    named = tomllib.loads(project)["project"]
    lines = []
    for group, entries in named["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in entries.items())]
    told = folder / f"{named['name'].replace('-', '_')}-{named['version']}.dist-info"
    told.mkdir(parents=True)
    metadata = f"Metadata-Version: 2.1\nName: {named['name']}\nVersion: {named['version']}\n"
    (told / "METADATA").write_text(metadata, encoding="utf-8")
    (told / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def project(name: str, **groups: Mapping[str, str]) -> str:
    """A pyproject.toml: the entry points of each group, `engines` say."""
    lines = ["[project]", f'name = "{name}"', 'version = "1.0"']
    for group, entries in groups.items():
        lines.append(f'[project.entry-points."dermasynth.{group}"]')
        lines += [f'"{entry}" = "{value}"' for entry, value in entries.items()]
    return "\n".join(lines)


def files_of_contributing() -> dict[str, str]:
    """The files of the package that CONTRIBUTING.md shows, by their paths."""
    return dict(_FILE.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")))


def install_example(folder: Path) -> Path:
    """The package that CONTRIBUTING.md shows."""
    files = files_of_contributing()
    return install(folder, files["pyproject.toml"], {"dermasynth_example/__init__.py": ""} | files)
