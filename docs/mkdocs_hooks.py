"""What the site needs beside the pages: links as they are in the source tree, made into links of the site."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "docs" / "examples"
GENERATED = re.compile(r"/(\.\w|__pycache__/)")  # by the tests of an example
LANGUAGES = {".py": "python", ".yaml": "yaml", ".service": "ini"}
LINK = re.compile(r"\[([^\]\[]*(?:\[[^\]]*\][^\]\[]*)?)\]\((?!https?:)([^)#\s]+)(#[^)\s]*)?\)")
NESTED = re.compile(r"^  - ", re.MULTILINE)  # which this Markdown wants deeper
CODE = re.compile(r"^(```|~~~).*?^\1", re.DOTALL | re.MULTILINE)


def on_files(files: Files, config: Any) -> Files:
    """Make a page of each example, with all its files."""
    for folder in sorted(path for path in EXAMPLES.iterdir() if path.is_dir()):
        sources = sorted(
            path
            for path in folder.rglob("*")
            if path.is_file() and not GENERATED.search(f"/{path.relative_to(folder)}")
        )
        parts = [f"# Example: {folder.name}\n"]
        for path in filter(lambda path: path.stat().st_size, sources):
            language = LANGUAGES.get(path.suffix, "text")
            parts.append(
                f"## {path.relative_to(folder)}\n\n```{language}\n{path.read_text().rstrip()}\n```\n"
            )
        files.append(File.generated(config, f"examples/{folder.name}.md", content="\n".join(parts)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Rewrite the links of a page: to pages of docs/ and specs/, and to files that the site has.

    A link to a source file loses its link: where the source can be browsed, nobody here knows.
    """
    uri = page.file.src_uri
    home = uri if uri.startswith("specs/") else f"docs/{uri}"

    def rewrite(found: re.Match[str]) -> str:
        text, target, anchor = found[1], found[2], found[3] or ""
        path = posixpath.normpath(posixpath.join(posixpath.dirname(home), target))
        if not (ROOT / path).exists():
            return found[0]  # a broken link: the build says so
        if path.startswith("docs/examples/"):
            path = "/".join(path.split("/")[:3]) + ".md"
            return f"[{text}]({posixpath.relpath(path.removeprefix('docs/'), posixpath.dirname(uri) or '.')})"
        place = path.removeprefix("docs/")
        is_file = path.startswith("docs/") and (ROOT / path).is_file()
        is_page = is_file or re.fullmatch(r"specs/\w+\.md", path)
        if not is_page:
            return text
        return f"[{text}]({posixpath.relpath(place, posixpath.dirname(uri) or '.')}{anchor})"

    def prose(text: str) -> str:
        return NESTED.sub("    - ", LINK.sub(rewrite, text))

    parts, last = [], 0
    for block in CODE.finditer(markdown):
        parts += [prose(markdown[last : block.start()]), block[0]]
        last = block.end()
    return "".join([*parts, prose(markdown[last:])])
