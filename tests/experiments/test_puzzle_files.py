"""Files of Sudokus in other people's forms: any board in any drawing reads as itself; what cannot be read is said.

The writers here share no code with the readers: they draw from a list of values.
"""

import json
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csp.constraints import AllDifferent
from csp.difficulty import reference_search
from csp.errors import BadInput
from csp.families import sudoku, sudoku_variants
from csp.families.sudoku_variants import Variant
from csp.io import board_text, instance_records
from csp.problem import Instance
from experiments.puzzle_files import certify, drawing, formats, grids, symbols

SHAPES = {4: (2, 2), 6: (2, 3), 8: (2, 4), 9: (3, 3), 10: (2, 5), 12: (3, 4), 16: (4, 4), 25: (5, 5)}
LINE = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
SOLVED = "534678912672195348198342567859761423426853791713924856961537284287419635345286179"
ROWS = [LINE[i : i + 9] for i in range(0, 81, 9)]
JIGSAW = "AAABBCCCCAAABBBBCCAAABBBCCCDDDEEEFFFDDDEEEFFFDDDEEEFFFGGGHHHIIIGGGHHHIIIGGGHHHIII"
SIX = """.36.5..1....6....3..3.4..615.......5
...45.5...6..4.1.31..2.64.1....2....
..6.5......4..51.3.5.2...61...3.....
23..5.5..3.4............4.1..2...61.
"""
SIX_SOLVED = "236451512364645123153246461532324615"
HEX = (
    "4BA.C3.01.E.2..7C.6.1.E.28974B..1.E5289.4BADC360289.4BADC36.1FE5B.DC3.01FE52..743.01F.5.8.74..DCF.5289..BADC360."
    "8974.ADC3601..5.A..3601FE5289.4B..1.E52.9.4.A.C.E5289.4BADC360.F97.BAD...0....28D.36.1FE528974.A0.F.528.74B.D.36"
    "5.8974B...3601FE74BADC3.01F..289"
)


def read(tmp_path, text, name="x.txt", **options):
    """What a file with this content holds."""
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return formats.examine(path, **options)


def one(reading):
    """The only puzzle of a file without faults."""
    assert not reading.faults and len(reading.instances) == 1, reading
    return reading.instances[0]


def said(instance):
    return sudoku.write(instance.problem, instance.givens)


# Drawings

CORNER = {"ascii": "+-|=#", "star": "*-|-|", "light": "┼─│━┃", "double": "╬═║═║", "heavy": "╋━┃━┃"}
ALPHABETS = {
    "digits": lambda value: "123456789"[value - 1],
    "one": lambda value: "123456789ABCDEFGHIJKLMNOP"[value - 1],
    "zero": lambda value: "0123456789ABCDEFGHIJKLMNO"[value - 1],
    "letters": lambda value: "ABCDEFGHIJKLMNOPQRSTUVWXY"[value - 1],
}


def symbol(value, blank, letters):
    return blank if value == 0 else letters(value)


def draw_line(values, shape, style, blank, letters):
    return "".join(symbol(v, blank, letters) for v in values)


def draw_rows(values, shape, style, blank, letters, between=" "):
    side = shape[0] * shape[1]
    rows = [values[i : i + side] for i in range(0, side * side, side)]
    return "\n".join(between.join(symbol(v, blank, letters) for v in row) for row in rows)


def draw_boxed(values, shape, style, blank, letters, gap=" "):
    """Lines between boxes only, with a frame around."""
    high, wide = shape
    side = high * wide
    corner, flat, wall = CORNER[style][:3]
    rule = corner + corner.join(flat * (wide * (1 + len(gap)) + len(gap)) for _ in range(side // wide)) + corner
    out = [rule]
    for r in range(side):
        cells = [symbol(v, blank, letters) for v in values[r * side : r * side + side]]
        parts = (gap + gap.join(cells[c : c + wide]) + gap for c in range(0, side, wide))
        out.append(wall + wall.join(parts) + wall)
        if (r + 1) % high == 0:
            out.append(rule)
    return "\n".join(out)


def draw_inner(values, shape, style, blank, letters):
    """Lines between boxes only, no frame."""
    return "\n".join(
        line.strip(CORNER[style][2] + " ")
        for line in draw_boxed(values, shape, style, blank, letters).split("\n")[1:-1]
    )


def draw_cells(values, shape, style, blank, letters):
    """A line around every cell, those around boxes of = and ||."""
    high, wide = shape
    side = high * wide
    out = []
    for r in range(side):
        out.append("+" + "+".join(("===" if r % high == 0 else "---") for _ in range(side)) + "+")
        row = ""
        for c in range(side):
            row += ("||" if c % wide == 0 else "|") + f" {symbol(values[r * side + c], blank, letters)} "
        out.append(row + "||")
    return "\n".join([*out, "+" + "+".join("===" for _ in range(side)) + "+"])


def draw_labelled(values, shape, style, blank, letters):
    """Columns numbered, rows lettered."""
    side = shape[0] * shape[1]
    lines = draw_boxed(values, shape, style, blank, letters).split("\n")
    names = iter("ABCDEFGHIJKLMNOPQRSTUVWXY"[:side])
    wall = CORNER[style][2]
    return (
        "    "
        + " ".join("123456789"[:side])
        + "\n"
        + "\n".join((f"{next(names)} " if line[0] == wall else "  ") + line for line in lines)
    )


def draw_table(values, shape, style, blank, letters):
    """A Markdown table."""
    side = shape[0] * shape[1]
    rows = [[symbol(v, " ", letters) for v in values[i : i + side]] for i in range(0, side * side, side)]
    head = "| " + " | ".join(f"c{c + 1}" for c in range(side)) + " |\n|" + "---|" * side + "\n"
    return head + "\n".join("| " + " | ".join(row) + " |" for row in rows)


def draw_list(values, shape, style, blank, letters):
    side = shape[0] * shape[1]
    return "\n".join(str(list(values[i : i + side])) + "," for i in range(0, side * side, side))


def draw_commas(values, shape, style, blank, letters):
    side = shape[0] * shape[1]
    return "\n".join(",".join(str(v) if v else "" for v in values[i : i + side]) for i in range(0, side * side, side))


DRAWN = (draw_boxed, draw_inner, draw_cells)  # those that show the boxes


@st.composite
def boards(draw, sides=(4, 6, 8, 9, 10, 12, 16)):
    """(side, box shape, values): some cells of a pattern that breaks no rule, shuffled."""
    side = draw(st.sampled_from(sides))
    high, wide = shape = draw(st.sampled_from([SHAPES[side], SHAPES[side][::-1]]))
    rng = random.Random(draw(st.integers(0, 10**6)))  # drawn cell by cell it would take long to shrink
    relabel = rng.sample(range(1, side + 1), side)
    full = [relabel[(wide * (r % high) + r // high + c) % side] for r in range(side) for c in range(side)]
    values = [v if rng.random() < 0.5 else 0 for v in full]
    for r in range(side):  # no row without a symbol or a blank
        values[r * side], values[r * side + 1] = full[r * side], 0
    return side, shape, values


def problem_of(shape):
    side = shape[0] * shape[1]
    return sudoku_variants.problem(Variant(side, sudoku_variants.boxes(side, *shape)))


@settings(max_examples=80)
@given(boards(), st.sampled_from(sorted(CORNER)), st.data())
def test_any_board_in_any_drawing_reads_as_itself(tmp_path_factory, drawn, style, data):
    side, shape, values = drawn
    writers = [draw_rows, *DRAWN] + ([draw_labelled, draw_table, draw_list, draw_commas] if side <= 9 else [])
    writer = data.draw(st.sampled_from(writers))
    kinds = ["digits"] if side <= 9 else ["one", "zero", "letters"]
    kind = data.draw(st.sampled_from(kinds))
    blanks = "._?*" if kind == "zero" else "._?X*0"
    blank = data.draw(
        st.sampled_from(blanks if style != "star" and writer is not draw_rows else blanks.replace("*", ""))
    )
    if kind == "zero":  # so that it shows
        values = [1 if cell == side * side - 1 else (0 if v in (1, side) else v) for cell, v in enumerate(values)]
    if kind == "one":
        values = [side if cell == side * side - 1 else (0 if v == side else v) for cell, v in enumerate(values)]
    text = writer(values, shape, style, blank, ALPHABETS[kind])
    path = tmp_path_factory.mktemp("drawn") / "x.txt"
    path.write_text(text + "\n")
    box = None if writer in DRAWN else shape
    reading = formats.examine(path, name="grid" if side == 4 else None, box=box)
    if problem_of(shape).violated(np.array(values)).any():
        return  # the change made it one that contradicts
    instance = one(reading)
    assert instance.givens.tolist() == values, text
    assert instance.problem.constraints == problem_of(shape).constraints


@settings(max_examples=40)
@given(boards((9, 16)), st.data())
def test_lines_with_something_before_and_behind(tmp_path_factory, drawn, data):
    side, _, values = drawn
    if problem_of(SHAPES[side]).violated(np.array(values)).any():
        return
    line = draw_line(values, None, None, ".", ALPHABETS["one"])
    before = data.draw(st.sampled_from(["", "0000183b305c ", "17 ", "puzzle_3,", ":0110:32:"]))
    behind = data.draw(st.sampled_from(["", "  1.2", ",9.0", "\t7.1/1.2/1.2", " # from a book", ":364 368:::"]))
    path = tmp_path_factory.mktemp("lines") / "x.sdm"
    path.write_text(before + line + behind + "\n")
    instance = one(formats.examine(path))
    assert instance.givens.tolist() == values or side == 16
    assert ("rating 1.2" in instance.provenance) == (behind == "  1.2" and not before.startswith(":"))


# What people brought


def test_brought_files(tmp_path):
    boxed = " *-----------*\n |5..|...|...|\n |2..|465|8..|\n |.36|9..|.25|\n |---+---+---|\n |983|6..|...|\n"
    boxed += (
        " |...|.4.|...|\n |...|..3|679|\n |---+---+---|\n |35.|..6|14.|\n |..2|154|..7|\n |...|...|..8|\n *-----------*"
    )
    extreme = "2...9.8......8.1..9.82..56.5....2....9.....4...3..9..77....3.5...567.....6.4....1"
    answer = "251396874436785192978214563547132986192867345683549217714923658825671439369458721"
    bank = "0000183b305c 050703060007000800000816000000030000005000100730040086906000204840572093000409000  1.2\n"
    for text, name, begins in (
        (boxed, "x.ss", "598237416271465893"),
        (f"source,question,answer,rating\nforum_1905,{extreme},{answer},9\n", "x.csv", "251396874"),
        (bank, "x.txt", "158723469"),
        (HEX, "x.txt", ""),
        (". 3 | . 4 | 5 .\n. . | . 3 | . .\n6 . | . . | . .\n----+-----+----\n. 5 | . . | 4 .\n. . | 1 . | . 2\n"
         ". 2 | . . | . .\n", "x.txt", SIX_SOLVED),
    ):  # fmt: skip
        graded = certify.graded(one(read(tmp_path, text, name)))
        assert graded.difficulty.solutions == 1, name
        assert sudoku.write(graded.problem, graded.witness).startswith(begins)
    csv = one(read(tmp_path, f"source,question,answer,rating\nforum_1905,{extreme},{answer},9\n", "x.csv"))
    assert "rating 9" in csv.provenance and "forum_1905" in csv.provenance
    assert sudoku.write(csv.problem, csv.witness) == answer


def test_boxes_that_nothing_draws(tmp_path):
    reading = read(tmp_path, SIX)
    assert {i.problem.name for i in reading.instances} == {"sudoku 6x6 boxes 3x2"} and len(reading.instances) == 4
    assert "fit boxes of 3x2" in reading.notices[0] and "--box" in reading.notices[0]
    for instance in (*reading.instances, *read(tmp_path, SIX, box=(3, 2)).instances):
        graded = certify.graded(instance)
        assert graded.difficulty.unique and sudoku.write(graded.problem, graded.witness) == SIX_SOLVED
    told = read(tmp_path, SIX, box=(2, 3))
    assert told.faults and all("they fit boxes of 3x2: --box 3x2" in str(fault) for fault in told.faults)
    assert "has 6 cells" in str(read(tmp_path, LINE, box=(3, 2)).faults[0])
    drawn = draw_boxed([0, 1, *[0] * 34], (3, 2), "ascii", ".", str)
    assert "boxes of 3x2 are drawn" in str(read(tmp_path, drawn, box=(2, 3)).faults[0])
    with pytest.raises(BadInput, match="--box 9x9"):
        read(tmp_path, LINE, box=(9, 9))


NUMBERS = [[int(v.replace(".", "0")) for v in row] for row in ROWS]
SAVED = "".join(f"{v}|0|{int(g == '.')}|" for v, g in zip(SOLVED, LINE))
PLACED = "".join(g if g != "." or k % 9 else f"+{v}" for k, (v, g) in enumerate(zip(SOLVED, LINE)))
SOLVED_ROWS = "\n".join(SOLVED[i : i + 9] for i in range(0, 81, 9))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.sdk", "#A Author 5\n#D 12 words\n[Puzzle]\n" + "\n".join(ROWS) + f"\n[State]\n{SOLVED_ROWS}"),
        ("x.opensudoku", f"<opensudoku><name>a</name><game data='{LINE.replace('.', '0')}'/></opensudoku>"),
        ("x.opensudoku", f'<opensudoku><game created="1" data="version: 3\n{SAVED}"/></opensudoku>'),
        ("x.txt", f":0110:32:{PLACED}:364 368:433::"),
        ("x.csv", f"quizzes,solutions\n{LINE.replace('.', '0')},{SOLVED}\n"),
        ("x.tsv", f"id\tpuzzle\tclues\n7\t{LINE}\t30\n"),
        ("x.csv", "puzzle\n" + LINE),
        ("x.json", json.dumps({"data": [{"board": NUMBERS, "level": "easy"}]})),
        ("x.json", json.dumps({"puzzle": [LINE], "solution": [SOLVED]})),
        ("x.json", json.dumps(NUMBERS)),
        ("x.jsonl", json.dumps({"question": "\n".join(ROWS), "answer": "in words"}) + "\n"),
        ("x.txt", "grid = [\n" + ",\n".join(map(str, NUMBERS)) + "\n]"),
        ("x.txt", str(np.array(NUMBERS))),
        ("x.txt", "Grid 01\n" + "\n".join(ROWS)),
        ("x.txt", "\n\n".join("\n".join(ROWS[i : i + 3]) for i in (0, 3, 6))),
        ("x.txt", " ".join(LINE)),
        ("x.txt", " ".join(ROWS)),
        ("x.txt", "\n".join(f"R{i + 1}: {row}" for i, row in enumerate(ROWS))),
        ("x.txt", draw_boxed([v for row in NUMBERS for v in row], (3, 3), "light", " ", str)),
        ("x.txt", LINE.replace(".", "·")),
    ],
)
def test_forms(tmp_path, name, text):
    instance = one(read(tmp_path, text, name))
    assert said(instance) == LINE and instance.problem is sudoku.board(9)


def test_files_in_other_wrappings(tmp_path):
    import gzip

    import pyarrow
    import pyarrow.parquet

    table = pyarrow.table({"quizzes": [LINE, "x" * 81], "solutions": [SOLVED, None], "rating": [1.5, None]})
    pyarrow.parquet.write_table(table, tmp_path / "x.bin")
    reading = formats.examine(tmp_path / "x.bin")
    assert [said(i) for i in reading.instances] == [LINE, "." * 81] and "rating 1.5" in reading.instances[0].provenance
    assert sudoku.write(sudoku.board(9), reading.instances[0].witness) == SOLVED
    assert said(one(read(tmp_path, gzip.compress(LINE.encode()), "x.txt.gz"))) == LINE
    assert said(one(read(tmp_path, LINE.encode("utf-16")))) == LINE


def test_symbols_tell_the_alphabet():
    for tokens, first in (
        ("0.F9" + "." * 252, "0"), ("0.G9" + "." * 252, "1"), ("0F90" + "0" * 252, "1"), ("AP" + "." * 254, "A"),
        ("1" + "." * 255, None),
    ):  # fmt: skip
        found = symbols.alphabet(list(tokens), 16)
        assert (found and found.first) == first, tokens[:4]
    numbers = ["16", "0", *["."] * 254]
    assert symbols.alphabet(numbers, 16).first == "1" and symbols.values(numbers, 16, symbols.ONE)[:2] == [16, 0]
    numbers = ["15", "0", *["."] * 254]
    assert symbols.values(numbers, 16, symbols.alphabet(numbers, 16))[:3] == [16, 1, 0]
    with pytest.raises(BadInput, match=r"'Q' at r1c2 of a 16x16 board, which is written 1-G with"):
        symbols.values(["1", "Q", *["."] * 254], 16, symbols.ONE)


def test_a_board_without_its_own_sign_takes_the_files(tmp_path):
    plain = "1" + "." * 255
    assert read(tmp_path, f"{HEX}\n{plain}\n").instances[1].givens[0] == 2
    assert read(tmp_path, f"{HEX}\n{plain}\nG0{'.' * 254}\n").instances[1].givens[0] == 1


# Candidates, diagonals, jigsaw, cages


def test_candidates_are_obeyed(tmp_path):
    marks = ["1234", "1", "34", "2", *["1234"] * 12]
    text = "\n".join(" ".join(marks[i : i + 4]) for i in range(0, 16, 4))
    instance = one(read(tmp_path, text))
    assert said(instance) == ".1.2" + "." * 12
    assert sudoku_variants.variant_of(instance.problem).allowed == ((2, (3, 4)),)
    four = sudoku.parse("31.2" + "." * 12), sudoku.parse("41.2" + "." * 12)
    expected = sum(certify.graded(i, 1000).difficulty.solutions for i in four)
    assert certify.graded(instance, 1000).difficulty.solutions == expected
    narrowed = one(read(tmp_path, text.replace(" 34 ", " 13 ")))
    assert sudoku_variants.variant_of(narrowed.problem).allowed == ((2, (1, 3)),)
    assert certify.graded(narrowed, 1000).witness[2] == 3
    every = " ".join("123456789" if v == "." else v for v in LINE)
    assert one(read(tmp_path, every)).problem is sudoku.board(9)
    spread = "".join("." * (int(v) - 1) + v + "." * (9 - int(v)) if v != "." else "123456789" for v in LINE)
    assert said(one(read(tmp_path, spread))) == LINE
    assert read(tmp_path, text.replace("1234", "44", 1)).faults


def naive_rules(instance):
    """The cells that must differ, by relation, as sets."""
    return {frozenset(r.scope) for r in instance.problem.constraints if isinstance(r, AllDifferent)}


CROSSED = {"puzzle": LINE, "variant": "x"}


@pytest.mark.parametrize(
    "text", [f"# X-Sudoku\n{LINE}", f"3x3:d:{LINE}", json.dumps(CROSSED), f"# sudoku 9x9 diagonals\n{LINE}"]
)
def test_diagonals(tmp_path, text):
    empty = text.replace(LINE, "1" + "." * 80)
    rules = naive_rules(one(read(tmp_path, empty)))
    assert frozenset(range(0, 81, 10)) in rules and frozenset(range(8, 73, 8)) in rules and len(rules) == 29
    assert "1 at r1c1 and r9c9 of one diagonal" in str(
        read(tmp_path, text.replace(LINE, "1" + "." * 79 + "1")).faults[0]
    )
    assert one(read(tmp_path, "1" + "." * 80, name="x.txt")).problem is sudoku.board(9)


def jigsaw_drawing(values, regions, side, wall, flat):
    out = []
    for r in range(side + 1):
        inner = [
            flat * 3 if r in (0, side) or regions[(r - 1) * side + c] != regions[r * side + c] else "   "
            for c in range(side)
        ]
        out.append("+" + "+".join(inner) + "+")
        if r < side:
            row = "".join(
                (wall if c == 0 or regions[r * side + c - 1] != regions[r * side + c] else " ")
                + f" {values[r * side + c]} "
                for c in range(side)
            )
            out.append(row + wall)
    return "\n".join(out)


def random_regions(side, seed):
    """Connected regions of side cells: cells of the usual boxes are swapped while all stay connected."""
    rng = random.Random(seed)
    high, wide = SHAPES[side]
    labels = [(r // high) * (side // wide) + c // wide for r in range(side) for c in range(side)]

    def connected(name):
        cells = {cell for cell in range(side * side) if labels[cell] == name}
        seen, stack = set(), [min(cells)]
        while stack:
            cell = stack.pop()
            if cell in cells and cell not in seen:
                seen.add(cell)
                stack += [
                    cell - side,
                    cell + side,
                    *([cell - 1] if cell % side else []),
                    *([cell + 1] if (cell + 1) % side else []),
                ]
        return seen == cells

    for _ in range(400):
        a, b = rng.randrange(side * side), rng.randrange(side * side)
        one, other = labels[a], labels[b]
        labels[a], labels[b] = other, one
        if not (connected(one) and connected(other)):
            labels[a], labels[b] = one, other
    return labels


@settings(max_examples=25)
@given(st.sampled_from([6, 8, 9]), st.integers(0, 10**6), st.sampled_from(["|-", "┃━"]))
def test_jigsaws_drawn_mapped_and_carried(tmp_path_factory, side, seed, style):
    labels, folder = random_regions(side, seed), tmp_path_factory.mktemp("jigsaw")
    values = ["1", *["."] * (side * side - 1)]
    expected = {frozenset(c for c in range(side * side) if labels[c] == name) for name in range(side)}
    names = "".join("ABCDEFGHI"[label] for label in labels)
    spread = "\n".join(names[i : i + side] for i in range(0, side * side, side))
    for text in (
        jigsaw_drawing(values, labels, side, *style),
        "".join(values) + "\n" + names,
        "".join(values) + " " + "".join(str(label + 1) for label in labels),
        "\n".join("".join(values[i : i + side]) for i in range(0, side * side, side)) + "\n\n" + spread,
        json.dumps({"puzzle": "".join(values), "regions": names}),
    ):
        path = folder / "x"
        path.write_text(text)
        instance = one(formats.examine(path))
        assert expected <= naive_rules(instance) and len(instance.problem.constraints) == 3 * side, text
        again = instance_records.from_record(json.loads(instance_records.write_jsonl([instance])))
        assert again.id == instance.id and again.problem.constraints == instance.problem.constraints
        text = board_text.write_lines([instance])
        assert [i.id for i in board_text.read(text, "x")] == [instance.id]
        path.write_text(text)
        assert one(formats.examine(path)).id == instance.id


CAGES = [(3, (0, 1)), (7, (2, 3)), (7, (4, 5)), (3, (6, 7)), (6, (8, 12)), (4, (9, 13)), (10, (10, 11, 14, 15))]
CAGE_MAP = "AABB\nCCDD\nEFGG\nEFGG\n"
PLACES = [(total, [f"r{c // 4 + 1}c{c % 4 + 1}" for c in cells]) for total, cells in CAGES]
CAGE_OF = {cell: 256 * total + number for number, (total, cells) in enumerate(CAGES) for cell in cells}
CAGE_DICTS = [{"sum": total, "cells": [[c // 4, c % 4] for c in cells]} for total, cells in CAGES]


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(f"{' + '.join(cells)} = {total}" for total, cells in PLACES),
        "." * 16 + "\n" + "\n".join(f"{total}: {', '.join(cells).upper()}" for total, cells in PLACES),
        CAGE_MAP + " ".join(f"{'ABCDEFG'[k]}={total}" for k, (total, _) in enumerate(CAGES)),
        "....\n" * 4 + "\n" + CAGE_MAP + "\n".join(f"{'ABCDEFG'[k]}: {total}" for k, (total, _) in enumerate(CAGES)),
        "2x2::k:" + ":".join(str(CAGE_OF[cell]) for cell in range(16)),
        json.dumps({"cages": CAGE_DICTS}),
        json.dumps({"board": "." * 16, "cages": CAGES}),
    ],
)
def test_cages(tmp_path, text):
    instance = one(read(tmp_path, text))
    assert set(sudoku_variants.variant_of(instance.problem).cages) == set(CAGES)
    graded = certify.graded(instance, 50)
    expected = [g for g in _sudoku4() if all(sum(g[list(c)]) == t and len(set(g[list(c)])) == len(c) for t, c in CAGES)]
    assert graded.difficulty.solutions == len(expected) and graded.difficulty.given_up
    if expected:
        assert graded.solved(graded.witness)
    records = instance_records.write_parquet([graded])
    assert instance_records.read_parquet(records)[0].id == instance.id
    with pytest.raises(BadInput, match="no cages"):
        board_text.write_lines([instance])


def _sudoku4():
    from takeback.testing import solutions_of

    return solutions_of(sudoku.board(4))


# Bad puzzles and refusals


def test_a_bad_puzzle_is_left_out_and_named(tmp_path, capsys):
    from experiments.puzzle_files import load

    text = f"{LINE}\n{LINE[:80]}\n{LINE.replace('53', '55', 1)}\n{LINE.replace('.', '0')[:-1]}.\n"
    path = tmp_path / "x.txt"
    path.write_text(text)
    reading = formats.examine(path)
    assert len(reading.instances) == 2 and len(reading.faults) == 2
    assert "line 2" in str(reading.faults[0]) and "80" in str(reading.faults[0])
    assert "line 3: givens contradict: 5 at r1c1 and r1c2 of one row" in str(reading.faults[1])
    assert len(load.read(path, None)) == 2
    shown = " ".join(capsys.readouterr().err.split())
    assert "left out" in shown and "2 puzzles left out in all" in shown
    with pytest.raises(BadInput, match="line 2"):
        load.puzzles(path, None, strict=True)
    path.write_text("12....3...4.....\n1" + "." * 15)  # the first has no solution
    assert [said(i) for i in load.read(path, None)] == ["1" + "." * 15]
    with pytest.raises(BadInput, match="impossible"):
        load.read(path, None, skip=False)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("x.txt", "12345\n", ["x.txt, line 1", "read as Sudoku text", "'12345'", "81"]),
        ("x.txt", "only words\nand more of them\n", ["no puzzle in it", "--read-as"]),
        ("x.csv", "name,age\nbob,3\n", ["line 1", "read as CSV", "'name, age'", "puzzle, question"]),
        ("x.json", "{", ["read as JSON"]),
        ("x.json", "{}", ["no puzzle in it", "JSON"]),
        ("x.json", '{"puzzle": [1, 2]}', ["no puzzle", "x.json"]),
        ("x.parquet", "no", ["read as Parquet"]),
        ("x.xml", "<instance/>", ["carries no instance"]),
        ("x.opensudoku", "<opensudoku/>", ["read as OpenSudoku XML", "<game data="]),
        ("x.opensudoku", "<opensudoku><game data='12'/></opensudoku>", ["line 1", "2 characters"]),
        ("x.txt", b"\xff\xfe\xfa\x00abc", ["x.txt"]),
        ("x.txt", b"\x00\x01\x02", ["not a text file"]),
        ("x.txt", b"", ["empty"]),
        ("x.gz", b"\x1f\x8b\x08broken", ["gzip"]),
        ("x.txt", "3x3:k:1:2", ["codes"]),
        ("x.txt", "A=3 B=4", ["map"]),
        ("x.txt", "4 = r1c1 + r1c2 = 3", ["2 sums"]),
        ("x.txt", "r9c1 = 300", ["sum to 300"]),
        (
            "x.txt",
            "\n".join(["123456789"] * 8),
            ["line 1", "a grid with rows of 9 symbols has 9 of them; found 8", "a symbol a cell"],
        ),
        ("x.txt", "|. .|. . . .|\n" * 6, ["make", "regions"]),
        ("x.txt", "." * 49, ["no usual boxes", "--box"]),
        ("x.txt", "-" * 81, ["81 dashes"]),
    ],
)
def test_refusals_are_one_line_and_say_what_was_found(tmp_path, name, text, words):
    with pytest.raises(BadInput) as fault:
        read(tmp_path, text, name)
        formats.read(tmp_path / name)
    assert "\n" not in str(fault.value) and len(str(fault.value)) < 500
    assert all(word in str(fault.value) for word in words), str(fault.value)


def test_forced_formats(tmp_path):
    text = "1...............\n" * 16
    assert len(read(tmp_path, text).instances) == 16
    assert read(tmp_path, text, name="y.txt").instances[0].problem.n == 16
    path = tmp_path / "y.txt"
    grid = ["1...............", *["." * 16] * 15]
    path.write_text("\n".join(grid))
    assert formats.read(path, name="grid")[0].problem.n == 256
    assert formats.read(path, name="x")[0].problem.name == "sudoku 4x4 diagonals"
    with pytest.raises(BadInput, match="no format 'pdf'"):
        formats.read(path, name="pdf")
    with pytest.raises(BadInput, match="--colours is for .col graphs .*; y.txt was read as Sudoku text"):
        formats.read(path, 3)


@pytest.fixture(scope="module")
def samples():
    values = [int(v.replace(".", "0")) for v in LINE]
    labels = random_regions(9, 3)
    return [
        LINE.encode(),
        draw_boxed(values, (3, 3), "light", ".", str).encode(),
        draw_cells(values, (3, 3), "ascii", ".", str).encode(),
        draw_labelled(values, (3, 3), "ascii", ".", str).encode(),
        jigsaw_drawing(list(LINE), labels, 9, "|", "-").encode(),
        f"id,puzzle,solution,rating\n1,{LINE},{SOLVED},3\n".encode(),
        json.dumps({"data": [{"puzzle": ROWS, "cages": [{"sum": 15, "cells": [[0, 0], [0, 1]]}]}]}).encode(),
        f'<opensudoku><game data="{LINE}"/></opensudoku>'.encode(),
        (CAGE_MAP + "A=3 B=7 C=7 D=3 E=6 F=4 G=10").encode(),
        f"3x3:d:{LINE}\n:0110:32:{LINE}:::\n".encode(),
        HEX.encode(),
        SIX.encode(),
    ]


@settings(max_examples=150)
@given(st.data())
def test_mutated_files_are_read_or_refused(samples, tmp_path_factory, data):
    sample = bytearray(data.draw(st.sampled_from(samples)))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(sample) - 1))
        kind = data.draw(st.sampled_from(["set", "cut", "twice", "insert", "line"]))
        piece = data.draw(
            st.binary(min_size=1, max_size=4) | st.sampled_from([b"99999999999999999999", b"\n", b"[[", b"|", b"\x00"])
        )
        if kind == "set":
            sample[at : at + 1] = piece
        elif kind == "cut":
            del sample[at : at + len(sample) // 4 + 1]
        elif kind == "twice":
            sample[at:at] = sample[at : at + 200]
        elif kind == "insert":
            sample[at:at] = piece * data.draw(st.integers(1, 30))
        else:
            sample[at:at] = b"\n"
        if not sample:
            return
    path = tmp_path_factory.mktemp("fuzz") / data.draw(st.sampled_from(["x", "x.txt", "x.csv", "x.json", "x.xml"]))
    path.write_bytes(bytes(sample))
    try:
        reading = formats.examine(path)
    except BadInput as fault:
        assert "\n" not in str(fault)
        return
    assert reading.instances or reading.faults
    assert all("\n" not in str(fault) for fault in reading.faults)
    for instance in reading.instances:
        assert not instance.problem.violated(instance.givens).any()


def test_large_files_are_read_in_time_that_grows_with_them(tmp_path):
    import time

    started = time.perf_counter()
    for text in (
        "1" * 300_000,
        "1 " * 100_000,
        "[" * 50_000,
        "|" * 100_000,
        "1\n" * 3_000,
        "A=1 " * 20_000 + "!",
        "." * 12 + "\n" * 9_000,
    ):
        try:
            read(tmp_path, text)
        except BadInput as fault:
            assert len(str(fault)) < 500
    assert time.perf_counter() - started < 20


def test_variants_are_read_back_from_their_problems():
    for side, shape in ((6, (3, 2)), (8, (4, 2)), (12, (2, 6)), (9, (3, 3))):
        for crossed in (False, True):
            variant = Variant(side, sudoku_variants.boxes(side, *shape), crossed)
            problem = sudoku_variants.problem(variant)
            assert sudoku_variants.variant_of(problem) == variant and variant.shape == shape
            instance = Instance(problem, np.zeros(side**2, dtype=np.int64), f"sudoku{side}", "here")
            for write in (board_text.write_lines, board_text.write_grids):
                assert [i.id for i in board_text.read(write([instance]), "x")] == [instance.id]
    regular = sudoku.board(9)
    assert sudoku_variants.problem(sudoku_variants.plain(9)) is regular
    with pytest.raises(BadInput, match="regions of sizes"):
        Variant(4, (0,) * 16)
    with pytest.raises(BadInput, match="boxes of 2x2"):
        sudoku_variants.boxes(6, 2, 2)


def test_decoders_and_networks_take_diagonals_and_jigsaws(few):
    from csp.trace import replay
    from generators.boards import stack
    from generators.decoding.loop import decode
    from generators.decoding.spec import parse
    from generators.models.uniform import Uniform

    crossed = sudoku_variants.problem(Variant(4, sudoku_variants.boxes(4, 2, 2), True))
    given = np.zeros(16, dtype=np.int64)
    instance = Instance(crossed, given, "sudoku4", "here")
    boards_ = stack([instance, few["sudoku4"][0]])
    assert boards_.relations.max() <= 1 << 4
    trace = decode(parse("uniform:order=raster,veto=propagate"), Uniform(), [instance], 0)[0]
    assert trace.end in ("solved", "stuck") and not crossed.violated(replay(trace, given)[-1]).any()


def test_blocks_of_rows_keep_their_numbers():
    lines = ["12..", "....", "....", "..34", "", "x", "1..4", "....", "....", "...."]
    entries = [
        grids.Entry("row", n, line, drawing.row_of(n, line)) if line else grids.GAP for n, line in enumerate(lines, 1)
    ]
    found = list(grids.boards(entries, "f"))
    assert found[0].where == "f, line 1" and isinstance(found[1], BadInput) and "line 6" in str(found[1])


def test_reference_search_obeys_candidates():
    variant = Variant(4, sudoku_variants.boxes(4, 2, 2), allowed=((0, (2, 3)), (5, (1,))))
    problem = sudoku_variants.problem(variant)
    expected = [g for g in _sudoku4() if g[0] in (2, 3) and g[5] == 1]
    assert reference_search.count(problem, np.zeros(16, dtype=np.int64), 300) == len(expected)
    need = reference_search.grade(problem, np.zeros(16, dtype=np.int64), 300)
    assert need.solutions == len(expected) > 1 and need.guesses > 0
