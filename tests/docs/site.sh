#!/usr/bin/env bash
# The site builds, without a broken link, and loads nothing from elsewhere. Exits with 77 where MkDocs, its theme or Doxygen
# is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
mkdocs build --help 2>/dev/null | grep -q material || exit 77
command -v doxygen >/dev/null || exit 77
scripts/docs.sh
python3 tests/docs/anchors.py build/site
if grep -rEo '<(script|link|img)[^>]+(src|href)="?https?:[^ >]*' build/site --include=*.html; then
  echo "these are loaded from elsewhere"
  exit 1
fi
[ -s build/site/docs/images/part1.png ]
grep -q soft_argmax build/site/search/search_index.js
[ -s build/site/docs/api/ops_conv2d.html ]
grep -q 'docs/api/ops_conv2d.html#conv2d"' build/site/search/search_index.js
if grep -q 'u0002' build/site/search/search_index.js; then
  echo "titles in the search have signs of Markdown's own"
  exit 1
fi
