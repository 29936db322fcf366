"""The project as a set of files: what the tests in `project/` look at."""

from __future__ import annotations

import ast
import functools
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"
_GENERATED = {"__pycache__", "build", "dist", "htmlcov"}


@functools.cache
def files(suffix=""):
    """What belongs to the project: what git tracks, or all there is where there is no git."""
    if (ROOT / ".git").exists():
        command = ["git", "-C", str(ROOT), "ls-files", "-z"]
        listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
        found = [ROOT / name for name in listed if name]
    else:
        found = [path for path in ROOT.rglob("*") if not _is_generated(path.relative_to(ROOT))]
    return sorted(path for path in found if path.is_file() and path.name.endswith(suffix))


def _is_generated(path):
    return any(
        part in _GENERATED or part.startswith(".") or part.endswith(".egg-info") for part in path.parts
    )


@functools.cache
def sources():
    """The modules of the package, by dotted name."""
    return {
        name_of(path): ast.parse(path.read_text())
        for path in files(".py")
        if path.is_relative_to(SOURCE / "incumbent")
    }


def name_of(path):
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree, *, known=frozenset()):
    """What a module imports, by dotted name; `from package import module` is that module if it is `known`."""
    names = set()
    for node in ast.walk(tree):
        names |= _imported(node, known)
    return names


def imports_when_loaded(tree, *, known=frozenset()):
    """The same, without what is imported later, inside functions, or only for type checkers."""
    names, waiting = set(), list(tree.body)
    while waiting:
        node = waiting.pop()
        names |= _imported(node, known)
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not _is_for_types(node):
            waiting += ast.iter_child_nodes(node)
    return names


def _imported(node, known):
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute"
        inner = {f"{node.module}.{alias.name}" for alias in node.names} & set(known)
        return inner or {node.module}
    return set()


def _is_for_types(node):
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


ROOMS = ("core", "runtime", "stores", "testing", "cli")


def room_of(module):
    """Where a module of the package lies: a folder, or the package itself."""
    parts = module.replace("__main__", "cli").split(".")
    return parts[1] if len(parts) > 1 and parts[1] in ROOMS else "incumbent"


def rooms():
    """The folders of the package and what they import when they are loaded, as a Mermaid flowchart."""
    trees = sources()
    pairs = {
        (room_of(name), room_of(other))
        for name, tree in trees.items()
        for other in imports_when_loaded(tree, known=frozenset(trees))
        if other.split(".")[0] == "incumbent"
    }
    lines = [f"    {a} --> {b}" for a, b in sorted(pairs) if a != b]
    return "\n".join(["flowchart TD", *lines]) + "\n"
