"""Other people's Sudoku text: one line a puzzle with whatever stands beside it, and grids in any frame.

    >>> found, _ = read("0000183b305c 05070306000700080000081600...  1.2", "bank.txt")
    >>> found[0].where
    'bank.txt, line 1, 0000183b305c, rating 1.2'

A line with a field of 16, 36, 64, 81, ... symbols is a puzzle; what else it holds is kept as a note, a second such
field is its solution or, if its equal symbols touch, the regions of a jigsaw. Other lines with symbols are rows of
grids. Headings (more letters than symbols), comments (`#`, `//`, `%`) and drawn lines hold no cells.
"""

from __future__ import annotations

import re
from dataclasses import replace

from csp.errors import BadInput
from csp.io.board_text import Kind, kind_of
from experiments.puzzle_files import cages, grids
from experiments.puzzle_files.boards import Sketch
from experiments.puzzle_files.drawing import BARS, is_rule, region_map, row_of
from experiments.puzzle_files.symbols import BLANKS, candidates

MOST_LINE = 20_000  # characters
MOST_FAULTS = 10_000  # at a file's beginning, after which it is not read on
LENGTHS = {side * side: side for side in range(4, 26) if side != 5}  # 25 symbols are a row of 25x25
SEPARATOR = re.compile(rf"[\s{re.escape(''.join(BARS))},;:=\"'\[\](){{}}<>]+")
ODD_BLANKS = str.maketrans(
    {**dict.fromkeys("·•∙□☐⬜◻▢", "."), **{chr(0xFF10 + digit): str(digit) for digit in range(10)}, "\u00a0": " "}
)
CROSSED = re.compile(r"\b(x[- ]?sudoku|sudoku[- ]?x|diagonal)", re.IGNORECASE)
SECTION = re.compile(r"\[[A-Za-z ]+\]")
CODED = re.compile(r"(\d{1,2})x(\d{1,2}):([a-z]*):(.+)", re.IGNORECASE | re.ASCII)  # 3x3:d:..., as generators write
RATING = re.compile(r"[a-z]{0,12}[=:]?\d+(\.\d+)?(/\d+(\.\d+)?)*", re.IGNORECASE)


def read(text: str, where: str, form: str | None = None) -> tuple[list[Sketch | BadInput], int]:
    """(the boards of a text in order, each as it was found or what is wrong with it; how many lines had no part in it).

    form: "lines" (each line a puzzle), "grid" (lines are rows) or None (as the lines say).
    """
    reader = _Text(where, form)
    lines = text.translate(ODD_BLANKS).splitlines()
    reader.sixteen = form == "grid" or (form is None and any(_above_four(line) for line in lines))
    for number, raw in enumerate(lines, 1):
        reader.line(number, raw.rstrip())
    reader.flush()
    return cages.caged(reader.found, reader.sums), reader.ignored


def _above_four(line: str) -> bool:
    """Whether a line of 16 symbols is a row of a 16x16 grid and no 4x4 puzzle."""
    cells = "".join(text for text, _ in row_of(0, line).fields) if 16 <= len(line) <= 100 else ""
    return len(cells) == 16 and bool(set(cells) & set("56789ABCDEFGHIJKLMNOP"))


class _Text:
    """The lines of a text, one by one: puzzles as they come, rows of grids kept until their end."""

    def __init__(self, where: str, form: str | None):
        self.where, self.form = where, form
        self.found: list[Sketch | BadInput] = []
        self.sums: list[cages.Sums] = []
        self.entries: list[grids.Entry] = []
        self.kind, self.crossed, self.sixteen, self.skipping, self.ignored = Kind(), False, False, False, 0
        self.title = ""  # the last heading, until a board takes it as its name

    def line(self, number: int, raw: str) -> None:
        """Take one line. Raises BadInput once so many lines hold no puzzle that none will come."""
        spot, line = f"{self.where}, line {number}", raw.strip()
        if len(raw) > MOST_LINE:
            self.flush()
            self.found.append(
                BadInput(f"{spot}: a line of {len(raw):,} characters; a puzzle takes up to {MOST_LINE:,}")
            )
        elif len(self.found) >= MOST_FAULTS and not any(isinstance(one, Sketch) for one in self.found):
            raise BadInput(f"{self.found[0]}; nor is anything else of the first {number:,} lines a puzzle")
        elif SECTION.fullmatch(line):  # [Puzzle] holds a puzzle; [State], [Notes] what somebody made of it
            self.flush()
            self.skipping = not re.search("puzzle|sudoku|grid|given|clue", line, re.IGNORECASE)
        elif self.skipping:
            self.ignored += 1
        elif line.startswith(("#", "//", "%")):
            self._comment(line, spot)
        elif not line:
            self.entries.append(grids.GAP)
        elif is_rule(line) and not self._odd_rule(line, spot):
            self.entries.append(grids.Entry("rule", number, raw))
        elif cages.is_sums(line):
            self.flush()
            self.sums.append(cages.Sums(len(self.found), line, spot))
        else:
            self._cells(number, raw, spot)

    def _comment(self, line: str, spot: str) -> None:
        if kind := kind_of(line, spot):
            self.flush()
            self.kind, self.crossed = kind, False
        self.crossed |= bool(CROSSED.search(line))
        self.ignored += 1

    def _odd_rule(self, line: str, spot: str) -> bool:
        """A line of dashes as long as a puzzle: said, as it may be one."""
        if (
            set(line) != {"-"}
            or len(line) < 36
            or len(line) not in LENGTHS
            or any(e.kind == "row" for e in self.entries)
        ):
            return False
        self.found.append(BadInput(f"{spot}: {len(line)} dashes; a blank cell is '.' or '0'"))
        self.entries.append(grids.GAP)
        return True

    def _cells(self, number: int, raw: str, spot: str) -> None:
        body = re.split(r"\s(?:#|//)", raw)[0]
        coded = CODED.match(body.strip())
        if coded:
            return self._coded(coded, spot)
        if sketch := self._puzzle(body, spot):
            self.flush()
            return self._add(sketch)
        if not row_of(number, body).fields:  # brackets of a list
            self.ignored += 1
        elif self._heading(body):
            # what stands close below a board is not the next one's name
            below = bool(self.entries) and self.entries[-1].kind == "row"
            self.flush()
            self.title = "" if below else body.strip()[:40]
            self.crossed |= bool(CROSSED.search(body))
            self.ignored += 1
        elif self.form == "lines":
            self.found.append(BadInput(f"{spot}: {_length(body)}"))
        else:
            self.entries.append(grids.Entry("row", number, raw, row_of(number, body)))

    def _add(self, sketch: Sketch) -> None:
        """A puzzle; a map of regions belongs to the puzzle before it."""
        regions = None if self.kind.latin else region_map(sketch.tokens)
        last = self.found[-1] if self.found else None
        if regions and isinstance(last, Sketch) and len(last.tokens) == len(regions) and last.regions is None:
            self.found[-1] = replace(last, regions=regions, shape=None)
        else:
            self.found.append(self._of_kind(sketch))

    def _of_kind(self, sketch: Sketch) -> Sketch:
        """With what comments said of the boards after them."""
        variant = self.kind.variant
        if variant and variant.side == sketch.side:
            sketch = replace(sketch, regions=variant.regions, diagonals=variant.diagonals)
        latin = bool(self.kind.latin) and self.kind.latin == sketch.side
        return replace(sketch, diagonals=sketch.diagonals or self.crossed, latin=latin)

    def _heading(self, line: str) -> bool:
        """Whether a line is made of words rather than symbols."""
        letters = sum(symbol.isalpha() and symbol not in "xX" for symbol in line)
        symbols = sum(symbol.isdigit() or symbol in "._?*" for symbol in line)
        words = [len(text) for text, _ in row_of(0, line).fields]
        spelled = len(words) > 3 and set(words) == {1}  # A . . B C: a row in letters, or the heads of columns
        whole = len(words) == 1 and words[0] in range(4, 26) and line.isupper() and self.form != "lines"
        if len(words) == 1 and words[0] < 4 and line.strip()[0].isalpha():  # P1: no board has so short a row
            return True
        return letters > symbols and not spelled and not whole and not (max(words, default=0) >= 10 and symbols > 0)

    def _puzzle(self, body: str, spot: str) -> Sketch | None:
        """The puzzle that a line holds, None if it is a row or something else."""
        library = body.lstrip().startswith(":")
        if library:  # :technique:candidates:board:deleted:..., + before what was filled in
            body = re.sub(r"\+.", ".", body)
        fields = [text for text in SEPARATOR.split(body) if text]
        fitting = [text for text in fields if self._length_of(text) and (self.kind.latin or _plausible(text))]
        fitting = fitting or [text for text in fields if self._length_of(text)]
        if not fitting:
            return self._spread(fields, body, spot)
        longest = max(map(len, fitting))
        alike = [text.upper() for text in fitting if len(text) == longest]
        puzzle = max(alike[:2], key=lambda text: sum(symbol in BLANKS for symbol in text))
        other = next((text for text in alike[:2] if text is not puzzle), None)
        at = next(place for place, text in enumerate(fields) if text.upper() == puzzle)
        notes = [text for place, text in enumerate(fields) if text.upper() not in alike][:3]
        notes = notes[:1] if library else notes
        rated = [] if library else [text for text in fields[at + 1 :] if text in notes and RATING.fullmatch(text)][:1]
        said = [f"rating {text}" if text in rated else text[:40] for text in notes]
        where = ", ".join([spot, *said])
        if longest == 729:
            groups = (re.sub(r"[.0]", "", puzzle[start : start + 9]) for start in range(0, 729, 9))
            return Sketch(tuple(group or "." for group in groups), where)
        regions = region_map(other) if other else None
        solution = tuple(other) if other and not regions else None
        return Sketch(tuple(puzzle), where, solution, regions)

    def _length_of(self, text: str) -> int:
        """The side of the puzzle that a field may be, 0 if none."""
        if self.kind.latin:
            return self.kind.latin if len(text) == self.kind.latin**2 else 0
        if len(text) == 16 and self.sixteen:
            return 0
        if len(text) == 729:
            return 9
        return LENGTHS.get(len(text), 0) if self.form != "grid" or len(text) > 25 else 0

    def _spread(self, fields: list[str], body: str, spot: str) -> Sketch | None:
        """A puzzle whose cells are fields: 81 symbols, numbers or groups of candidates in one line."""
        row = row_of(0, body)
        cells = [text for text, _ in row.fields] if row.single else [text.upper() for text in fields]
        side = self._side_of_spread(len(cells))
        if not side or (side == 4 and (self.sixteen or self.form == "grid" or max(map(len, cells)) > 1)):
            joined = "".join(cells)
            if len(cells) ** 2 == len(joined) and all(candidates(text, len(cells)) for text in cells):
                return None  # a row of candidates, all of each cell
            if max(map(len, cells), default=0) > 25 or not self._length_of(joined) or not _plausible(joined):
                return None
            return Sketch(tuple(joined), spot)  # one puzzle in groups: 53..7.... 6..195...
        if all(len(text) == 1 or text.isdigit() for text in cells):
            marked = side <= 9 and all(len(text) == 1 or candidates(text, side) for text in cells)
            if marked or side > 9:
                return Sketch(tuple(cells), spot)
        return None

    def _side_of_spread(self, count: int) -> int:
        """The side of a board of so many fields in one line, 0 if there is none."""
        if self.kind.latin:
            return self.kind.latin if count == self.kind.latin**2 else 0
        return LENGTHS.get(count, 0)

    def _coded(self, coded: re.Match, spot: str) -> None:
        """3x3:d:board and 3x3::k:codes, where a code is 256 x its cage's sum + the cage's number."""
        self.flush()
        high, wide, flags, rest = int(coded[1]), int(coded[2]), coded[3].lower(), coded[4].strip()
        side = high * wide
        killer = "k" in flags or rest.lower().startswith("k:")
        cells = rest.removeprefix("k:").removeprefix("K:").strip(":")
        try:
            if not 4 <= side <= 25:
                raise BadInput(f"{spot}: boxes of {high}x{wide} cells; a box has 4 to 25")
            if killer:
                tokens, inside = cages.coded(cells.split(":"), side, spot)
            else:
                tokens, inside = tuple(cells.upper()), ()
                if len(tokens) != side * side:
                    raise BadInput(f"{spot}: {len(tokens)} symbols; a board of {high}x{wide} boxes has {side * side}")
            self.found.append(Sketch(tokens, spot, shape=(high, wide), diagonals="d" in flags, cages=inside))
        except BadInput as fault:
            self.found.append(fault)

    def flush(self) -> None:
        """Make boards of the rows that were kept."""
        entries, self.entries = self.entries, []
        title, self.title = self.title, ""
        for one in grids.boards(entries, self.where, self.kind.latin, self.sixteen):
            if isinstance(one, BadInput):
                self.found.append(one)
            else:
                self._add(replace(one, where=f"{one.where}, {title}") if title else one)
            title = ""  # of the first board below it


def _plausible(text: str) -> bool:
    """Whether a field of a puzzle's length holds a puzzle's symbols: no hash, no word."""
    side = LENGTHS.get(len(text), 9)
    there = set(text.upper())
    if side <= 9:
        return there <= set("123456789"[:side]) | BLANKS or region_map(text) is not None
    return all(symbol.isalnum() or symbol in BLANKS for symbol in there)


def _length(line: str) -> str:
    """What is wrong with a line that is no puzzle."""
    longest = max(SEPARATOR.split(line), key=len)
    return f"read as one puzzle a line: {len(longest)} characters; a puzzle has 16, 36, 64, 81, 100, 144, 256 or 625"
