#!/usr/bin/env python3
"""Fails when a link of the site in FOLDER names a part of a page that is not there, which MkDocs does not look at."""

import re
import sys
from pathlib import Path

folder = Path(sys.argv[1]).resolve()
pages = {path: path.read_text(encoding="utf-8") for path in folder.rglob("*.html")}
ids = {path: set(re.findall(r'\bid="([^"]+)"', text)) for path, text in pages.items()}
wrong = [
    f"{path.relative_to(folder)}: {link}#{anchor}"
    for path, text in pages.items()
    for link, anchor in re.findall(r'<a href="([^":#]*)#([^"]+)"', text)
    if anchor not in ids.get((path.parent / link).resolve() if link else path, ())
]
sys.exit("\n".join(wrong) or 0)
