"""What the documents say of the project is so: links, commands, dependencies, paths."""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer

from raftwerk import __version__
from raftwerk.cli.main import app

ROOT = Path(__file__).parents[2]

DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "benchmarks/*.md", "examples/*.md")
    for path in ROOT.glob(pattern)
)

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def text_of(name: str) -> str:
    """Return the text of one of the project's files."""
    return (ROOT / name).read_text(encoding="utf-8")


def dependencies() -> list[str]:
    """Return the names of all packages that we ask for."""
    required = PROJECT["project"]["dependencies"]
    required += PROJECT["dependency-groups"]["dev"]
    required += PROJECT["build-system"]["requires"]
    return sorted({re.split(r"[^\w.-]", line)[0] for line in required})


def make_targets() -> set[str]:
    """Return the targets that a person may ask for."""
    line = re.search(r"^\.PHONY: (.*)$", text_of("Makefile"), re.MULTILINE)
    return set(line[1].split()) if line else set()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_between_documents_lead_somewhere(name: str) -> None:
    links = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", text_of(name))
    missing = [
        link for link in links if not (ROOT / name).parent.joinpath(link).exists()
    ]
    assert missing == []


def test_each_page_is_in_the_index_of_pages() -> None:
    listed = set(re.findall(r"\]\(([^)]+)\)", text_of("docs/README.md")))
    pages = {
        path.relative_to(ROOT / "docs").as_posix()
        for path in (ROOT / "docs").rglob("*.md")
        if path.parent.name != "decisions"
    }
    assert pages - {"README.md"} <= listed


@pytest.mark.parametrize("name", DOCUMENTS)
def test_files_that_a_document_names_exist(name: str) -> None:
    pattern = r"`((?:src|tests|docs|examples|benchmarks|deploy)/[\w./-]+)`"
    missing = [
        path
        for path in re.findall(pattern, text_of(name))
        if not (ROOT / path).exists()
    ]
    assert missing == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_targets_that_a_document_names_exist(name: str) -> None:
    named = set(re.findall(r"(?:^|`)make ([a-z][a-z-]*)", text_of(name), re.MULTILINE))
    assert named <= make_targets()


def flags_by_command() -> dict[str, set[str]]:
    """Return the flags of each command, under its words: ``member add``, say."""
    found: dict[str, set[str]] = {}

    def walk(command: Any, words: tuple[str, ...]) -> None:
        flags = {"--help"}
        for parameter in command.params:
            flags |= {*parameter.opts, *parameter.secondary_opts}
        found[" ".join(words)] = flags
        for name, part in getattr(command, "commands", {}).items():
            walk(part, (*words, name))

    walk(typer.main.get_command(app), ())
    return found


FLAGS = flags_by_command()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_flags_that_a_document_gives_a_command_exist(name: str) -> None:
    unknown = []
    for typed in re.findall(
        r"(?:^(?:\$ )?|`)raftwerk ([^`|\n]*)",
        text_of(name).replace("\\\n", " "),
        re.MULTILINE,
    ):
        words = typed.split(" -- ")[0].split()
        command = " ".join(words[:2])
        if command not in FLAGS:
            command = " ".join(words[:1])
        if command in FLAGS:
            flags = {word.split("=")[0] for word in words if word.startswith("--")}
            unknown += [(command, flag) for flag in sorted(flags - FLAGS[command])]
    assert not unknown


@pytest.mark.parametrize("package", dependencies())
def test_each_dependency_has_its_line(package: str) -> None:
    assert f"| {package} |" in text_of("docs/dependencies.md")


def test_no_line_is_left_for_a_dependency_that_went() -> None:
    listed = re.findall(
        r"^\| ([\w.-]+) \|", text_of("docs/dependencies.md"), re.MULTILINE
    )
    assert set(listed) - {"package"} == set(dependencies())


def test_this_version_stands_in_the_changelog() -> None:
    assert re.search(rf"^## {re.escape(__version__)}\b", text_of("CHANGELOG.md"), re.M)


def test_no_two_decisions_have_one_number() -> None:
    # There are gaps: numbers are given to the parts in blocks.
    names = [path.name for path in ROOT.glob("docs/decisions/[0-9]*.md")]
    assert len({name[:4] for name in names}) == len(names) > 0


@pytest.mark.parametrize("folder", ["src", "tests"])
def test_decisions_that_code_names_exist(folder: str) -> None:
    missing = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in (ROOT / folder).rglob("*.py")
        for name in re.findall(
            r"docs/decisions/(\d[\w-]+\.md)", path.read_text(encoding="utf-8")
        )
        if not (ROOT / "docs" / "decisions" / name).exists()
    ]
    assert not missing


def test_the_lock_knows_the_public_registry_alone() -> None:
    lock = tomllib.loads(text_of("uv.lock"))
    sources = {tuple(package["source"].items()) for package in lock["package"]}
    assert sources == {
        (("registry", "https://pypi.org/simple"),),
        (("editable", "."),),
    }
    urls = re.findall(r'url = "(https?://[^/"]+)', text_of("uv.lock"))
    assert set(urls) == {"https://files.pythonhosted.org"}


def test_no_file_names_a_path_of_one_machine() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False, text=True
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    # Written so that this file does not name them.
    places = re.compile(
        "|".join(f"/{place}/" for place in ("work", "root", "home/\\w+"))
    )
    found = []
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.is_file() and path.suffix in {
            ".py",
            ".md",
            ".toml",
            ".yaml",
            ".yml",
            "",
        }:
            if match := places.search(path.read_text(encoding="utf-8")):
                found.append(f"{name}: {match[0]}")
    assert not found


def test_every_folder_of_tests_is_a_package() -> None:
    # Otherwise two files of one name in two folders are one module to pytest and mypy.
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}
    assert [str(f) for f in sorted(folders) if not (f / "__init__.py").exists()] == []
