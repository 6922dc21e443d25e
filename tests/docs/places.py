#!/usr/bin/env python3
"""Every place that must name an operation or a layer does.

    places.py ROOT [--also DIR]    fails for each place that lacks one of the sources at ROOT, and of DIR/include as if it
                                   belonged to them

An operation is a function template of include/nasion/ops that is public and has tensors of one number type; a layer is a
struct of include/nasion/nn with operator().
"""

import argparse
import re
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

# Operators as profiles and tables write them.
ROWS = {"operator+": "add", "operator-": "sub", "operator*": "mul", "operator/": "div"}
WRITTEN = {"operator+": "x + y", "operator-": "x - y", "operator*": "x * y", "operator/": "x / y"}
HEAD = r"(?ms)^template <Real T([^\n]*)>\n"


@dataclass(frozen=True)
class Found:
    name: str
    header: str  # below include/
    compiles: bool  # for float and double in advance: not a template of functions, too
    body: str


def found_in(include, folder, pattern):
    for path in sorted((include / "nasion" / folder).glob("*.hpp")):
        text = re.sub(r"(?ms)^namespace detail \{.*?^\}  // namespace detail$", "", path.read_text(encoding="utf-8"))
        for more, name, body in re.findall(HEAD + pattern, text):
            yield Found(name, path.relative_to(include).as_posix(), not more, body)


def operations(include):
    """Loops for the inside of operations are none."""
    function = r"(?:Tensor<T>|Sorted<T>|MaxPooled<T>|std::vector<(?:Index|Tensor<T>)>) (operator[-+*/]|\w+)\([^;]*?\) \{\n(.*?)^\}$"
    return [f for f in found_in(include, "ops", function) if f.compiles or "const Op op(" in f.body]


def layers(include):
    return [f for f in found_in(include, "nn", r"(?:struct|class) (\w+)[^;{]*\{\n(.*?)^\};$") if "operator()(" in f.body]


class Places:
    def __init__(self, root):
        self.root = root
        self.umbrella = self.text("include/nasion/nasion.hpp")
        listed = re.findall(r"template (?:decltype\(\w+<T>\) (\w+)<T>|struct nn::(\w+)<T>|[\w:<>]+ (operator[-+*/]|\w+)\()",
                            self.text("include/nasion/compiled.hpp"))
        self.compiled = Counter("".join(names) for names in listed)
        self.rows = re.findall(r'^    \{"([^"]+)", "\w+",', self.text("tests/test_op.cpp"), re.M)
        second_column = re.findall(r"^\|[^|]*\|([^|]*)\|", self.text("docs/from_pytorch.md"), re.M)
        self.pytorch = [code for cell in second_column for code in re.findall("`[^`]*`", cell)]

    def text(self, path):
        return (self.root / path).read_text(encoding="utf-8") if (self.root / path).exists() else ""

    def lacking(self, ops, modules):
        """Sentences about what is missing."""
        for header in sorted({f.header for f in ops + modules}):
            if f'#include "{header}"' not in self.umbrella:
                yield f"include/nasion/nasion.hpp does not include {header}"
        tests = [path.read_text(encoding="utf-8") for path in sorted(self.root.glob("tests/test_*.cpp"))]
        for f in ops:
            test = f"tests/test_{Path(f.header).stem}.cpp"
            calls = re.sub(r"(?m)^#include.*$", "", self.text(test))
            if not re.search(rf"\b{ROWS.get(f.name, f.name)}\b", calls):
                yield f"{test} has no test of {f.name}"
        for f in modules:
            using = [text for text in tests if re.search(rf"\bnn::{f.name}\b", text)]
            if not using:
                yield f"tests/test_{Path(f.header).stem}.cpp has no test of nn::{f.name}"
            elif 'f("' in f.body and not any("check_module(" in text for text in using):
                yield f"tests/test_{Path(f.header).stem}.cpp has no check_module() of nn::{f.name}"
        learned = [f for f in modules if re.search(r"^  (mutable )?Tensor<T> \w+[;,]", f.body, re.M)]
        for name, number in sorted(Counter(f.name for f in ops + learned if f.compiles).items()):
            if self.compiled[name] != number:
                yield f"include/nasion/compiled.hpp has {self.compiled[name]} of {number} of {name}"
        for name in sorted({WRITTEN.get(f.name, f.name) for f in ops} | {f"nn::{f.name}" for f in modules}):
            if not any(re.search(rf"(?<![\w:.]){re.escape(name)}\b", code) for code in self.pytorch):
                yield f"docs/from_pytorch.md has no row for {name}"
        for name in sorted({f.name for f in ops}.symmetric_difference(self.rows)):
            yield f"tests/test_op.cpp and the operations differ in {name}, of which a profile must have a row"
        for f in ops:
            called = re.findall(r'\bOp op\("(\w+)"\)', f.body)
            if called not in ([], [ROWS.get(f.name, f.name)]):
                yield f"include/{f.header}: {f.name} calls itself {' and '.join(called)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("--also", type=Path)
    given = parser.parse_args()
    folders = [folder / "include" for folder in (given.root, given.also) if folder]
    ops, modules = ([f for folder in folders for f in find(folder)] for find in (operations, layers))
    if len(ops) < 50 or len(modules) < 15:
        sys.exit(f"{len(ops)} operations and {len(modules)} layers: this check no longer understands the headers")
    sys.exit("\n".join(Places(given.root).lacking(ops, modules)) or 0)


main()
