#!/usr/bin/env python3
"""Checks that what package managers read says the same as CMakeLists.txt: name, version, description, components."""

import ast
import json
import re
import sys
from pathlib import Path

root = Path(__file__).resolve().parents[2]
cmake = (root / "CMakeLists.txt").read_text()
expected = {
    "name": re.search(r"project\((\w+)", cmake)[1],
    "version": re.search(r"project\(\w+ VERSION ([\d.]+)", cmake)[1],
    "description": re.search(r'DESCRIPTION "([^"]+)"', cmake)[1],
    "license": "MIT",
}
components = set(re.search(r"set\(nasion_components ([^)]+)\)", (root / "cmake/NasionComponents.cmake").read_text())[1].split())

vcpkg = json.loads((root / "vcpkg.json").read_text())
recipe = next(node for node in ast.parse((root / "conanfile.py").read_text()).body if isinstance(node, ast.ClassDef))
conan = {node.targets[0].id: ast.literal_eval(node.value) for node in recipe.body if isinstance(node, ast.Assign)}

wrong = [f"{file}: {key} is {have.get(key)!r}, not {value!r}" for file, have in (("vcpkg.json", vcpkg), ("conanfile.py", conan))
         for key, value in expected.items() if have.get(key) != value]
if set(conan["options"]) != components:
    wrong.append(f"conanfile.py: options are {sorted(conan['options'])}, components {sorted(components)}")
features = {name.replace("-", "_") for name in vcpkg["features"]}  # vcpkg has no underscores
if missing := components - features - {"io", "vision", "faces"}:  # those are in the package as it is
    wrong.append(f"vcpkg.json: no features {sorted(missing)}")
sys.exit("\n".join(wrong) or 0)
