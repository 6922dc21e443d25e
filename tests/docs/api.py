#!/usr/bin/env python3
"""The API reference: a page for each public header, made of the header's own text.

    api.py pages --include DIR --out DIR    pages in Markdown, and links to them at the end of DIR/index.md
    api.py check --include DIR              fails, naming file and line, for a public name without a comment

Doxygen says what is declared where; the words are those of the headers. A declaration is shown as it stands there, with
the /// comment above it. An overload without a comment of its own shares that of the overload before it, a constructor
and operator() that of their class. Exits with 77 where there is no Doxygen.
"""

import argparse
import itertools
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

DOXYFILE = """
EXCLUDE_PATTERNS = */compiled.hpp
RECURSIVE = YES
EXTRACT_ALL = YES
MACRO_EXPANSION = YES
PREDEFINED = NASION_INSTRUCTION_SET=instruction_set NASION_IO_INLINE=inline
GENERATE_HTML = NO
GENERATE_LATEX = NO
GENERATE_XML = YES
"""
# Namespaces of what users do not call: docs/design.md is about the kernels.
HIDDEN = re.compile(r"\b(detail|kernels|simd|instruction_set|synthetic|std)\b")
CLASSES = ("class", "struct")
# Members that mean the same everywhere.
UNDERSTOOD = re.compile(r"operator==|operator=|~\w+|visit|begin|end|size|empty")


@dataclass
class Entry:
    """Something public: a function, type, constant or member."""

    kind: str
    name: str
    line: int
    end: int  # last line of the body, or of the statement
    scope: str = ""
    declaration: str = ""
    comment: list = field(default_factory=list)
    members: list = field(default_factory=list)


def entries_of(include):
    """What Doxygen finds, by file, in the order of lines; members within their classes."""
    with tempfile.TemporaryDirectory() as folder:
        config = DOXYFILE + f"OUTPUT_DIRECTORY = {folder}\n"
        subprocess.run(["doxygen", "-"], input=config, text=True, cwd=include, check=True, capture_output=True)
        compounds = [c for file in sorted(Path(folder, "xml").glob("*.xml"))
                     for c in ElementTree.parse(file).getroot().iter("compounddef")]
    found = {}
    for compound in compounds:
        kind, name = compound.get("kind"), re.sub(r"::with_\w+", "", compound.findtext("compoundname"))  # inline ones
        if kind not in ("namespace", "concept", *CLASSES) or HIDDEN.search(name) or compound.get("prot") == "private":
            continue
        if kind != "namespace":
            add(found, compound, kind, name.rpartition("::")[2], name.rpartition("::")[0])
        for member in compound.iter("memberdef"):
            if member.get("kind") != "friend":
                add(found, member, member.get("kind"), member.findtext("name"), name)
    return {file: nested(sorted(entries, key=lambda e: (e.line, -e.end))) for file, entries in sorted(found.items())}


def add(found, element, kind, name, scope):
    place = element.find("location")
    if place is not None and element.get("prot") != "private" and not name.startswith("@"):
        line, end = int(place.get("line")), int(place.get("bodyend") or 0)
        found.setdefault(place.get("file"), []).append(Entry(kind, name, line, max(line, end), scope))


def nested(entries):
    """Entries within the body of a class as its members."""
    top, open_classes = [], []
    for entry in entries:
        while open_classes and entry.line > open_classes[-1].end:
            open_classes.pop()
        (open_classes[-1].members if open_classes else top).append(entry)
        if entry.kind in CLASSES:
            open_classes.append(entry)
    return top


class Header:
    """A file, and what it declares."""

    def __init__(self, include, name, entries):
        self.name, self.entries = name, entries
        self.lines = (include / name).read_text(encoding="utf-8").splitlines()
        self.describe(entries)
        self.namespace = min((entry.scope for entry in entries), key=len)
        for entry in entries:
            entry.name = f"{entry.scope}::{entry.name}".removeprefix(self.namespace + "::")

    def describe(self, entries):
        """Fills in declarations and comments. Variables of one statement, and overloads, become one entry."""
        kept = []
        for entry in entries:
            before = kept[-1] if kept else Entry("", "", 0, 0)
            if before.kind == entry.kind == "variable" and entry.line <= before.end:
                before.name += ", " + entry.name
                continue
            first = entry.line - 1
            first -= len(takewhile(r"\s*(template\s*<|requires\b|\[\[)", self.lines[first - 1 :: -1]))
            beside = re.search("///<.*", self.lines[entry.line - 1])
            entry.comment = [beside[0]] if beside else takewhile(r"\s*///", self.lines[first - 1 :: -1])[::-1]
            entry.declaration = self.declaration(first, entry)
            self.describe(entry.members)
            entry.declaration += self.values(entry)
            if before.name == entry.name and not entry.comment:
                before.declaration += "\n" + entry.declaration
            elif not entry.declaration.endswith("= delete"):
                kept.append(entry)
        entries[:] = kept

    def declaration(self, first, entry):
        """From line `first` to where a body begins or the declaration ends; enumerations as a whole."""
        if entry.kind == "enum":
            return without_indent(self.lines[first : entry.end])
        text, depth = [], 0
        for number, line in enumerate(self.lines[first:], first + 1):
            text.append("")
            for c in re.sub(r"\s*//.*", "", line):
                depth += (c in "([{") - (c in ")]}")
                if (c == ";" and depth <= 0) or (c == "{" and depth == 1 and entry.kind not in ("variable", "concept")):
                    entry.end = max(entry.end, number)
                    return re.sub(r"\)\s*:\s[^:].*", ")", without_indent(text), flags=re.S)  # no initialisers
                text[-1] += c
        raise ValueError(f"{self.name}:{first + 1}: this declaration has no end")

    def values(self, entry):
        """The lines of a type's public variables."""
        lines = []
        for number in sorted({n for m in entry.members if m.kind == "variable" for n in range(m.line, m.end + 1)}):
            comment = [line for line in takewhile(r"\s*//", self.lines[number - 2 :: -1]) if line not in lines]
            lines += [*comment[::-1], self.lines[number - 1]]
        return " {\n" + textwrap.indent(without_indent(lines), "  ") + "\n}" if lines else ""

    def page(self):
        text = [f"# {self.name}\n", markdown(takewhile("//", self.lines[1:]))]
        text.append(f"```cpp\n#include <{self.name}>  // namespace {self.namespace}\n```\n")
        if names := self.names():
            text.append(", ".join(names) + " · [all headers](index.md)\n")
        self.write(text, self.entries, 2)
        return "\n".join(text)

    def names(self, page=""):
        """What the header declares, as links."""
        return [f"[`{name}`]({page}#{name.lower()})" if name.isidentifier() else f"`{name}`"
                for name in dict.fromkeys(entry.name for entry in self.entries)]

    def write(self, text, entries, level, owner=""):
        title = ""
        for entry in entries:
            if not entry.comment and UNDERSTOOD.fullmatch(entry.name):
                continue
            if title != owner + entry.name:
                title = owner + entry.name
                text.append(f"{'#' * level} {heading(title)}\n")
            text += [f"```cpp\n{entry.declaration}\n```\n", markdown(entry.comment)]
            self.write(text, [m for m in entry.members if m.kind != "variable"], min(level + 1, 4), f"{title}::")


def takewhile(pattern, lines):
    return list(itertools.takewhile(lambda line: re.match(pattern, line), lines))


def without_indent(lines):
    return textwrap.dedent("\n".join(lines)).strip()


def escaped(text):
    return re.sub(r"([\[\]<>*_])", r"\\\1", text)


def heading(name):
    """As escaped(), in entities: backslashes would show in what the search finds."""
    return re.sub(r"[\[\]<>*]", lambda sign: f"&#{ord(sign[0])};", name)


def markdown(comment):
    """A comment has paragraphs, of which indented ones are code, and code in backticks; nothing else is markup."""
    text, lines = [], [re.sub(r"\s*/+<? ?", "", line, count=1) for line in comment]
    for paragraph in "\n".join(lines).split("\n\n"):
        if paragraph.startswith("  "):
            text.append(f"```cpp\n{textwrap.dedent(paragraph)}\n```\n")
        else:
            parts = re.split(r"(`[^`]*`)", paragraph)
            text.append("".join(part if part.startswith("`") else escaped(part) for part in parts) + "\n")
    return "\n".join(text)


def undocumented(entries, owner=""):
    for entry in entries:
        speaks = entry.comment or entry.name in (owner, "operator()") or UNDERSTOOD.fullmatch(entry.name)
        if not speaks and entry.kind in ("function", "enum", "concept", *CLASSES):
            yield entry
        yield from undocumented(entry.members, entry.name.rpartition("::")[2])


def write_pages(headers, out):
    index = {}
    for header in headers:
        short = header.name.removeprefix("nasion/").removesuffix(".hpp")
        page = short.replace("/", "_") + ".md"
        (out / page).write_text(header.page(), encoding="utf-8")
        index.setdefault(short.rpartition("/")[0], []).append(f"| [{header.name}]({page}) | {', '.join(header.names(page))} |")
    with (out / "index.md").open("a", encoding="utf-8") as file:
        for folder, rows in index.items():
            file.write(f"\n## {folder}\n\n| header | names |\n|---|---|\n" + "\n".join(rows) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["pages", "check"])
    parser.add_argument("--include", required=True, type=Path)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if not shutil.which("doxygen"):
        sys.exit(77)
    headers = [Header(given.include, name, entries) for name, entries in entries_of(given.include).items()]
    if given.what == "pages":
        write_pages(headers, given.out)
    sys.exit("\n".join(f"{given.include / header.name}:{entry.line}: {entry.kind} {entry.name} has no /// comment"
                       for header in headers for entry in undocumented(header.entries)) or 0)


main()
