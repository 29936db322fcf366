"""Mutants: the real code with one thing broken, as it is imported. No file is changed or copied."""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder, SourceFileLoader
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "src" / "incumbent"


class Patch(NamedTuple):
    """In `file`, a path below the package, `old` becomes `new`."""

    file: str
    old: str
    new: str

    def apply(self, text):
        """Raises ValueError where the real code has changed, so that a table of mutants cannot rot."""
        found = text.count(self.old)
        if found != 1:
            raise ValueError(f"{self.file} has {found} places with {self.old!r}, not one: mend the mutant")
        return text.replace(self.old, self.new)


class Mutant(NamedTuple):
    """Code that is wrong in one respect.

    name: What it does, in words.
    rule: The rule of the protocol that it breaks.
    origin: Where it was seen: a library's defect, or a mistake that models of such protocols try.
    killer: The technique that is quickest to find it, and what that is given.
    patches: What makes it.
    harmless: Why it breaks no promise of safety, where it does not.
    """

    name: str
    rule: str
    origin: str
    killer: tuple[str, str]
    patches: tuple[Patch, ...]
    harmless: str = ""

    @property
    def files(self):
        """What is broken."""
        return {patch.file for patch in self.patches}

    @property
    def decides(self):
        """Whether it is of what decides, or of what that is told: no driver is needed to see it."""
        return any(file.startswith("core/") or file in {"config.py", "lease.py"} for file in self.files)

    def texts(self):
        """The mutated text of each file that differs."""
        texts = {}
        for patch in self.patches:
            text = texts.get(patch.file) or (PACKAGE / patch.file).read_text("utf-8")
            texts[patch.file] = patch.apply(text)
        return texts


def infect(mutant):
    """From now on this process imports the mutant. Nothing of the package may have been imported yet."""
    assert not any(name.partition(".")[0] == "incumbent" for name in sys.modules)
    modules = {str(PACKAGE / file): text for file, text in mutant.texts().items()}
    sys.meta_path.insert(0, _Finder(modules))


class _Finder(MetaPathFinder):
    def __init__(self, texts):
        self.texts = texts

    def find_spec(self, fullname, path, target=None):
        if fullname.partition(".")[0] != "incumbent":
            return None
        spec = PathFinder.find_spec(fullname, path)
        if spec is not None and spec.origin in self.texts:
            spec.loader = _Loader(fullname, spec.origin, self.texts[spec.origin])
        return spec


class _Loader(SourceFileLoader):
    def __init__(self, fullname, path, text):
        super().__init__(fullname, path)
        self.text = text

    def get_code(self, fullname):  # without the cache of compiled modules, which is the real code's
        return compile(self.text, self.path, "exec", dont_inherit=True)

    def get_source(self, fullname):
        return self.text
