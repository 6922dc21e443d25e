#!/usr/bin/env python3
"""The code blocks of the pages, as files for the compiler and as commands for the shell.

    blocks.py fragments PAGE... --out FILE [--without TEXT] [--then COMMAND...]
                                                               C++ fragments of all pages as one translation unit, and
                                                               a command that is given it
    blocks.py files PAGE... --out DIR                          the files that pages name
    blocks.py follow PAGE... --out DIR --clone DIR             the files and the commands of each page, in order
    blocks.py commands PAGE... --out DIR [--section HEADING]   the files, and the commands as DIR/<page>.sh; those for
                                                               root as DIR/<page>.root.sh

Errors of the compiler name the page and its line. What a page says about a block stands in the lines before it:

    `nose_tip.cpp`:                the block is this file
    `nose_tip.cpp`, continued:     the block belongs at the end of this file
    <!-- body: CODE -->            statements: compiled within a function, after CODE
    <!-- after: CODE -->           compiled after the block, for instance to use a template
    <!-- as root -->               commands that install packages: follow leaves them out
    <!-- not run -->               commands that nobody runs
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Block:
    page: Path
    line: int  # of the first line within the fence
    language: str
    text: str
    file: str | None = None
    body: str | None = None
    after: str = ""
    section: str = ""  # the heading above
    by: str = "reader"  # who runs it: reader, root, nobody

    def located(self):
        return at(self.page, self.line) + self.text


def at(page, line):
    return f'#line {line} "{page}"\n'


def blocks_of(page):
    """All fenced blocks of a page, with what is said about them since the last other line."""
    blocks, said, section = [], {}, ""
    languages = ("", "text", "cpp", "cmake", "python", "sh")
    lines = iter(enumerate(page.read_text(encoding="utf-8").splitlines(), 1))
    for number, line in lines:
        if line.startswith("```"):
            text = []
            for _, inner in lines:
                if inner.startswith("```"):
                    break
                text.append(inner + "\n")
            else:
                sys.exit(f"{page}:{number}: this block has no end")
            blocks.append(Block(page, number + 1, line[3:].strip(), "".join(text), section=section, **said))
            if blocks[-1].language not in languages:
                sys.exit(f"{page}:{number}: the language of this block is none of {', '.join(languages[1:])}")
            said = {}
        elif line.startswith("<!--"):
            comment = line
            while "-->" not in comment:
                comment += "\n" + next(lines)[1]
            comment = comment.removeprefix("<!--").partition("-->")[0]
            key, colon, code = comment.partition(":")
            if comment.strip() in ("not run", "as root"):
                said["by"] = "root" if comment.strip() == "as root" else "nobody"
            elif key.strip() in ("body", "after") and colon:
                code_line = number + code[: len(code) - len(code.lstrip())].count("\n")
                said[key.strip()] = at(page, code_line) + code.strip() + "\n"
            else:
                sys.exit(f"{page}:{number}: this comment says nothing about a block that is known")
        elif named := re.fullmatch(r"`([^`]+)`(, continued)?:", line):
            said["file"] = named[1]
            first = all(block.file != named[1] for block in blocks)
            if first != (named[2] is None):
                sys.exit(f"{page}:{number}: a file begins without 'continued', and goes on with it")
        elif line.lstrip().startswith("```"):
            sys.exit(f"{page}:{number}: a block within a list would not be looked at")
        elif line.strip():
            said = {}
            if line.startswith("#"):
                section = line.lstrip("#").strip()
    return blocks


def fragments(pages, out, without, then):
    """Each block of C++ in a namespace of its own, below the headers of all."""
    includes, code, count = [], [], 0
    for page in pages:
        for block in blocks_of(page):
            if block.language == "python":
                compile("\n" * (block.line - 1) + block.text, str(page), "exec")
            if block.language != "cpp" or block.file or any(text in block.text for text in without):
                continue
            count += 1
            headers = [n for n, line in enumerate(block.text.splitlines()) if line.startswith("#include")]
            lines = block.text.splitlines(keepends=True)
            includes += [at(page, block.line + n) + lines[n] for n in headers]
            rest = at(page, block.line) + "".join("\n" if n in headers else line for n, line in enumerate(lines))
            if block.body is not None:
                rest = f"inline void body() {{\n{block.body}{rest}}}\n"
            code.append(f"namespace block_{count} {{\nusing namespace nasion;\n{rest}{block.after}}}\n")
    out.write_text("#include <nasion/nasion.hpp>\n" + "".join(includes + code), encoding="utf-8")
    print(f"{count} fragments of {len(pages)} pages", flush=True)
    if then:
        sys.exit(subprocess.run([*then, str(out)], check=False).returncode)


def write_files(pages, out):
    texts = {}
    for page in pages:
        for block in blocks_of(page):
            if block.file:
                text = block.located() if block.language == "cpp" else block.text
                texts[block.file] = texts.get(block.file, "") + text
    for name, text in texts.items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def follow(pages, out, clone):
    """As their reader would: beside the clone, an empty folder for each page, and a home that is empty at first."""
    shutil.rmtree(out, ignore_errors=True)
    home = out / "home"
    home.mkdir(parents=True)
    (out / "nasion").symlink_to(clone)
    for page in pages:
        project = out / page.stem
        project.mkdir()
        write_files([page], project)
        commands = [block for block in blocks_of(page) if block.language == "sh" and block.by == "reader"]
        if not commands:
            sys.exit(f"{page}: has no commands")
        for block in commands:
            print(f"-- {page}:{block.line}\n{block.text}", end="", flush=True)
            shell = ["bash", "-euo", "pipefail", "-c", block.text]
            if subprocess.run(shell, cwd=project, env=os.environ | {"HOME": str(home)}, check=False).returncode:
                sys.exit(f"{page}:{block.line}: these commands fail")


def write_commands(pages, out, section):
    for page in pages:
        (out / page.stem).mkdir(parents=True, exist_ok=True)
        write_files([page], out / page.stem)
        blocks = [block for block in blocks_of(page) if block.language == "sh" and section in (None, block.section)]
        for by, name in (("reader", f"{page.stem}.sh"), ("root", f"{page.stem}.root.sh")):
            text = "".join(block.text for block in blocks if block.by == by)
            (out / name).write_text("set -euo pipefail\n" + text, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["fragments", "files", "follow", "commands"])
    parser.add_argument("pages", nargs="+", type=Path)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--without", action="append", default=[], help="leave out fragments that contain this text")
    parser.add_argument("--clone", type=Path, help="folder of the library's sources")
    parser.add_argument("--section", help="only commands below this heading")
    parser.add_argument("--then", nargs=argparse.REMAINDER, default=[], help="what to do with the fragments")
    given = parser.parse_args()
    pages, out = [page.resolve() for page in given.pages], given.out.resolve()
    if given.what == "fragments":
        fragments(pages, out, given.without, given.then)
    elif given.what == "files":
        write_files(pages, out)
    elif given.what == "commands":
        write_commands(pages, out, given.section)
    else:
        follow(pages, out, given.clone.resolve())


main()
