"""Dictionaries written as Python writes them, as in Amazon's product files of 2014, read without evaluating anything.

JSON's parser is some ten times faster than Python's, so a line is put into JSON's spelling first. Where that makes no JSON,
Python's parser for plain values decides.
"""

import ast
import json
import re
import warnings
from typing import NoReturn

_PIECE = re.compile(
    r"""('(?=[^'\\]*["\\])[^'\\]*+(?:\\.[^'\\]*+)*+'|"[^"\\]*+(?:\\.[^"\\]*+)*+")|(?:[^'"]++|'[^'"\\]*+')++|['"].*""",
    re.DOTALL,
)
"""A string with quotes or escapes in it, or all up to the next such string, or a quote that nobody closes and all behind it."""
_WORD = re.compile(r"""'[^']*'|\b(?:None|True|False)\b""")
_WORDS = {"None": "null", "True": "true", "False": "false"}
_ESCAPE = re.compile(r"""\\(?:x[0-9a-fA-F]{2}|.)|\"""")
_HALF = re.compile(r"\\[uU](?:0000)?[dD][89a-fA-F]")
"""The escape of half a character beyond 16 bits."""


def dictionary(line: str) -> dict[str, object] | None:
    """The dictionary that the line spells in JSON or in Python, of values that JSON has too; None where it spells anything else.

    Example:
        >>> dictionary("{'asin': 'b1', 'title': \\"Tea's\\", 'price': None}")
        {'asin': 'b1', 'title': "Tea's", 'price': None}
        >>> dictionary("{'asin': open('made', 'w')}") is None
        True
    """
    line = line.strip()
    if not line.startswith("{"):
        return None
    found = _json(respelt(line))
    if found is None:
        found = _python(line)
    return None if found is None else whole(line, found)


def respelt(line: str) -> str:
    """The line with the strings and words of Python as JSON spells them; JSON stays as it is, what JSON cannot say makes none.

    Example:
        >>> respelt("{'title': 'Tea', 'price': None}")
        '{"title": "Tea", "price": null}'
    """
    return _PIECE.sub(_piece, line)


def _piece(match: re.Match[str]) -> str:
    piece, string = match.group(0, 1)
    if string is not None:
        return f'"{_ESCAPE.sub(_escape, string[1:-1])}"'
    if "None" in piece or "True" in piece or "False" in piece:
        piece = _WORD.sub(lambda word: _WORDS.get(word.group(), word.group()), piece)
    return piece.replace("'", '"')


def _escape(match: re.Match[str]) -> str:
    """One escape (or quote) of a Python string in JSON; what JSON has nothing for stays and is no JSON."""
    said = match.group()
    if said == '"':
        return '\\"'
    if said == "\\'":
        return "'"
    return f"\\u00{said[2:]}" if len(said) == 4 else said


def _json(line: str) -> dict[str, object] | None:
    try:
        found = json.loads(line, parse_constant=_refused, strict=False)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _refused(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def _python(line: str) -> dict[str, object] | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an old crawl's "\d" is no reason to warn
            found = ast.literal_eval(line)
        return _json(json.dumps(found))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def whole(line: str, found: dict[str, object]) -> dict[str, object] | None:
    """What was found in the line with halves of characters put together; a half alone becomes the sign for an unreadable one."""
    if not _HALF.search(line):
        return found
    said = json.dumps(found, ensure_ascii=False)
    return _json(said.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))
