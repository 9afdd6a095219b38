"""OpenSudoku's XML files: each game's board is an attribute, plain or with the state that somebody left it in.

>>> read('<opensudoku><game data="0030206..."/></opensudoku>', "x.opensudoku")
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from csp.errors import BadInput
from experiments.puzzle_files.boards import Sketch

GAME = re.compile(r"<game\b[^<>]{0,400}?\bdata\s*=\s*(\"[^\"<]{0,20000}\"|'[^'<]{0,20000}')", re.IGNORECASE)
START = re.compile(r"<(opensudoku|game|folder)\b", re.IGNORECASE)


def is_opensudoku(text: str) -> bool:
    """Whether XML text is of this kind."""
    return text.lstrip().startswith("<") and bool(START.search(text[:4000]))


def read(text: str, where: str) -> Iterator[Sketch | BadInput]:
    """The games' boards. Of a game that was begun only the cells that cannot be edited are givens. Raises BadInput for
    a file without games; a game that cannot be read is given as its BadInput.
    """
    number = 0
    for number, match in enumerate(GAME.finditer(text), 1):
        line = text.count("\n", 0, match.start()) + 1 if number < 1000 else None
        spot = f"{where}, game {number}" if line is None else f"{where}, line {line}, game {number}"
        try:
            yield Sketch(_tokens(html.unescape(match[1][1:-1]).strip(), spot), spot)
        except BadInput as fault:
            yield fault
    if not number:
        raise BadInput(f'{where}: read as OpenSudoku XML: no <game data="..."> in it, each of 81 symbols')


def _tokens(data: str, spot: str) -> tuple[str, ...]:
    """81 symbols, or `version: 3` and value|notes|editable| of each cell."""
    if re.fullmatch(r"[0-9.]{81}", data):
        return tuple(data)
    fields = re.sub(r"^version: ?\d+\s*", "", data).split("|")
    fields = fields[:-1] if fields and not fields[-1].strip() else fields
    if len(fields) % 81 or len(fields) // 81 not in (3, 4):
        raise BadInput(f"{spot}: read as OpenSudoku XML: {len(data)} characters of data; a game has 81 symbols")
    width = len(fields) // 81
    values, edited = (
        [field.strip() for field in fields[::width]],
        [field.strip() for field in fields[width - 1 :: width]],
    )
    given = [value if kind in ("0", "false") else "." for value, kind in zip(values, edited)]
    return tuple(given if any(value not in (".", "0") for value in given) else values)
