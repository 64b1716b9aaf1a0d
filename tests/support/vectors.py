"""Texts that would run as code if a page let them: one a line of `xss.txt`."""

import re
from pathlib import Path


def unescaped(line: str) -> str:
    """A vector's line as text: \\n and \\t are written out, as is what no editor shows (\\u202e)."""
    line = re.sub(r"\\u([0-9a-f]{4})", lambda code: chr(int(code[1], 16)), line)
    return re.sub(r"\\n", "\n", re.sub(r"\\t", "\t", line))


VECTORS = Path(__file__).with_name("xss.txt").read_text(encoding="utf-8").strip("\n").split("\n")
