"""Puts the tables of the last run into the page on speed: python benchmarks/publish.py"""

from __future__ import annotations

import re

from peers import ROOT
from report import RESULTS

_PAGE = ROOT / "docs" / "explanation" / "speed.md"
_BEGIN = "<!-- figures: written by benchmarks/publish.py -->\n"
_END = "<!-- end of figures -->\n"


def main() -> None:
    tables = (RESULTS / "latest.md").read_text(encoding="utf-8")
    _, _, body = tables.partition("\n\n")  # the page has a title of its own
    before, begin, rest = _PAGE.read_text(encoding="utf-8").partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        raise SystemExit(f"{_PAGE} does not say where the figures go: {_BEGIN}{_END}")
    figures = re.sub(r"^## ", "### ", body.strip(), flags=re.MULTILINE)
    _PAGE.write_text(f"{before}{_BEGIN}\n{figures}\n\n{_END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
