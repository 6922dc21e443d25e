#!/usr/bin/env bash
# The documentation as a site: build/site/index.html. Installs what is missing. A broken link is an error, and so is a
# public name without a comment.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/setup.sh

install_packages "${docs_packages[@]}"

# MkDocs wants its pages in a folder below its own; there they lie as they do here, so that links mean the same.
rm -rf build/docs build/site
mkdir -p build/docs
cp -r README.md CONTRIBUTING.md CHANGELOG.md LICENSE docs examples include build/docs
rm -r build/docs/docs/theme
python3 tests/docs/api.py pages --include include --out build/docs/docs/api
mkdocs build --strict 2>&1 | grep -v '^  - docs/api/'  # pages that the index names, not the navigation
{ echo "var __search = {index: Promise.resolve("; cat build/site/search/search_index.json; echo ")};"; } \
  > build/site/search/search_index.js

note "Done: open $PWD/build/site/index.html"
