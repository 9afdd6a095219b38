"""x"""
from __future__ import annotations
from collections.abc import Iterator
import re
from csp.errors import BadInput
HEADER = re.compile(r"===\s*(?P<instance>\S+)(?:\s+(?P<decoder>(?:(?!===).)*[^\s=]))?\s*(?:===)?")
def sections(text: str, where: str) -> Iterator[tuple[str, str, str, int]]:
    """(instance, decoder, text, first line) of each part of a file, parted by lines "=== INSTANCE DECODER".

    Raises BadInput if there is no such line before the first text.
    """
    now: tuple[str, str, int] | None = None
    body: list[str] = []
    for number, line in enumerate([*text.splitlines(), "=== end"], 1):
        header = HEADER.fullmatch(line.strip())
        if not header:
            if now is None and line.strip():
                raise BadInput(f"{where}, line {number}: a transcript begins with a line like '=== INSTANCE DECODER'")
            body.append(line)
            continue
        if now is not None:
            yield now[0], now[1], "\n".join(body), now[2]
        now, body = (header["instance"], header["decoder"] or "transcript", number + 1), []
