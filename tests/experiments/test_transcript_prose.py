"""English without a move gives no event, whatever digits, cells' names and colour words stand in it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csp.families import colouring, sudoku
from csp.problem import Instance
from experiments.scoring import transcripts

BOARD = sudoku.parse("..1...34.4..3...", "board")
NINE = sudoku.parse("53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79")
SIXTEEN = sudoku.parse("." * 256)
GRAPH = Instance(
    colouring.graph(7, [(0, 1), (0, 2), (1, 2), (1, 3), (2, 3), (2, 4), (2, 5), (3, 4), (4, 5)], 3),
    np.zeros(7, dtype=np.int64),
    "colouring",
    "a map",
)
STATED = {id(BOARD): "r1c1 = 2", id(NINE): "r1c3 = 4", id(SIXTEEN): "r1c3 = 4", id(GRAPH): "node 0 = 1"}

CELLS = [
    "r1c2",
    "R2C1",
    "row 1, column 2",
    "Row 2 of Column 2",
    "(1, 2)",
    "(3, 2)",
    "cell r1c1",
    "r2c2",
    "node 2",
    "vertex 5",
    "v3",
]
COLOURS = ["red", "green", "blue", "Yellow"]
TEMPLATES = [
    "{cell} is blank.",
    "{cell} is still empty, so it's clear, that much I know.",
    "{cell} could be {a} or {b}.",
    "{cell} is {a} or {b}.",
    "{cell}: {a}, {b}",
    "{cell}: {a} {b}",
    "{cell}: {a}/{b}",
    "{cell} = {a}?",
    "Is {cell} = {a}?",
    "Could {cell} be {a}?",
    "{cell} cannot be {a}.",
    "{cell} is not {a}.",
    "{cell} != {a}",
    "{cell} isn't {a}, because row {b} has one.",
    "If {cell} = {a} then {other} = {b}.",
    "If {cell} is {a}, {other} is {b}.",
    "Suppose {cell} = {a}.",
    "Suppose {cell} = {a}. Then {other} = {b}.",
    "Assuming {cell} is {a}, there is no place for {b}.",
    "What if {cell} gets {a}?",
    "{cell} has {a} candidates.",
    "{cell} is {a} steps away from {other}.",
    "{cell} is {a} of the {b} cells that are left.",
    "The edges are {a} -> {b}, {b} -> {a}.",
    "Edges: {a}-{b}, {b}-{a}",
    "{cell} is adjacent to {a} and {b}.",
    "{cell} is connected to {a}, {b}.",
    "The neighbours of {cell} are {a} and {b}.",
    "{cell} conflicts with {other}.",
    "{cell} = {a} conflicts with {other}.",
    "{cell} = {a} would leave {b} blanks.",
    "{cell} = {a} is impossible.",
    "{cell} = {a} or {b}",
    "Either {cell} = {a} or {other} = {b}.",
    "Neither {cell} nor {other} is {a}.",
    "Maybe {cell} = {a}.",
    "Row {a} needs {b} in its third column.",
    "Row {a} has {b} blanks.",
    "Column {a} already holds a {b}.",
    "I see {a} {colour} nodes next to {cell}.",
    "The {colour} region touches {cell} on {a} sides.",
    "{cell} sees {colour} and {colour2} already.",
    "{cell} is next to a {colour} one.",
    "Only {a} and {b} are left for {cell}.",
    "The candidates for {cell} are {a} and {b}.",
    "Candidates of {cell}: {a}",
    "Options for {cell} = {a}, {b}",
    "It's clear, {cell} is the hardest.",
    "To be clear, nothing is decided about {cell}.",
    "I won't undo {cell}.",
    "There is no need to undo {cell}.",
    "Should I erase {cell}?",
    "If that fails, I will erase {cell}.",
    "We could undo {cell} or {other}.",
    "Removing {cell} would help.",
    "Eliminate {a} from {cell}.",
    "We can remove {a} as a candidate from {cell}.",
    "Remove {a} from {cell}'s candidates.",
    "Step {a}: look at {cell}.",
    "Step {a}: {b} cells are left.",
    "{a}. Look at {cell}.",
    "## Step {a}",
    "Let me backtrack and think about {cell}.",
    "I may have to backtrack.",
    "Backtracking is needed {a} times.",
    "The undo is not clear.",
    "Nothing to take back, I hope.",
    "The board has {a} rows and {b} columns.",
    "Use the digits {a}, {b}.",
    "The value at {cell} was {a}.",
    "{cell} had been {a} before.",
    "Answer in the format {cell} = {a}.",
    "For example {cell} = {a}.",
    "e.g. {cell} = {a}",
    "> {cell} = {a}",
    "User: {cell} = {a}",
    "Compare {cell} and {other}.",
    "From {cell} to {other} it is {a} steps.",
    "From node {a} to {b}.",
    "There is an edge from node {a} to {b}.",
    "node {a} to {b}",
    "Look at {cell}, {other} and the {colour} ones.",
    "{cell} and {other} = ?",
    "{cell} or {other} = {a}",
    "{cell}, {other} = {a}, {b}",
    "{cell} must be {colour} or {colour2}.",
    "{cell} might be {colour}.",
    "{cell} can't be {colour}.",
    "{cell} is a naked single.",
    "{cell} is a place where I am stuck.",
    "{cell} is I think harder.",
    "Time taken: {a} minutes.",
    "Note {a}: {b} blanks.",
    "Score {a} -> {b}",
    "Hint: {a} goes somewhere in row {b}.",
    "{a} goes in {cell} or {other}.",
    "Put {a} in {cell} or {other}?",
    "We cannot put {a} in {cell}.",
    "Why not set {cell} to {a}?",
    "{cell} in {{{a}, {b}}}",
    "{cell} = {{{a}, {b}}}",
    "{cell} = [{a}, {b}]",
    "{cell} < {a}",
    "{cell} >= {a}",
    "{cell} = {a} + {b}",
    "when {cell} = {a} the row is full",
    "Once {cell} is {a} we are done.",
    "{a} {colour}",
    "Looking at {cell}, I see {a} and {b}.",
    "{cell} has {a} to its left and {b} above.",
    "Between {cell} and {other} there are {a} cells.",
    "The {a} in {cell} blocks {other}.",
    "With {a} in {cell}, {other} is full.",
    "{colour} is not allowed at {cell}.",
    "{cell}, {colour} neighbours: {a}",
    "{cell}: {colour} neighbours are {a}.",
    "Blank {cell} and {other} remain.",
    "Blank: {cell}, {other}",
    "So clear {cell} and {other} are not.",
    "It is clear {cell} needs {a}.",
    "Please do not undo {cell}.",
    "An undo of {cell} costs {a} moves.",
    "Backtrack to {cell}?",
    "Undoing {cell} frees {a}.",
    "I undid {cell} and {other} earlier.",
    "{cell} was undone.",
    "[{a}, {b}]",
    "({a}, {b})",
    "({a}, {b}), ({b}, {a})",
    "{a} {b}",
    "{a}-{b}",
    "{a} -> {b}, {a} -> {c}",
    "missing: [{a}, {b}]",
    "Row {a}: missing {b}, {c}",
    "row {a}: {b} {c}",
    "color {a} is used {b} times",
    "{colour}: {a} nodes",
    "My second guess was {colour}.",
    "{cell}, {other}",
    "clear",
    "blank.",
    "Remove.",
    "erase!",
]


def words(instance):
    """Sentences about an instance."""
    cells = st.sampled_from(CELLS)
    digits = st.integers(1, 9)
    fields = {"cell": cells, "other": cells, "a": digits, "b": digits, "c": digits}
    fields |= {"colour": st.sampled_from(COLOURS), "colour2": st.sampled_from(COLOURS)}
    return st.builds(
        lambda template, said: template.format(**said), st.sampled_from(TEMPLATES), st.fixed_dictionaries(fields)
    )


def moves(text, instance):
    """The events of a text after one that is a move."""
    said = transcripts.read(f"{STATED[id(instance)]}\n\n{text}", instance)
    return [(event.cell, event.value) for event in said.trace.events][1:], said


@pytest.mark.parametrize("instance", [BOARD, NINE, SIXTEEN, GRAPH], ids=["4x4", "9x9", "16x16", "graph"])
def test_a_sentence_is_no_move(instance):
    for number, template in enumerate(TEMPLATES):
        fields = {"cell": CELLS[number % 8 + 3 * (instance is GRAPH)], "other": CELLS[(number + 1) % 11]}
        fields |= {"a": number % 3 + 1, "b": (number + 1) % 3 + 1, "c": number % 2 + 2}
        fields |= {"colour": COLOURS[number % 4], "colour2": COLOURS[number % 4 - 1]}
        text = template.format(**fields)
        assert moves(text, instance)[0] == [], text


@given(st.data(), st.sampled_from([BOARD, NINE, SIXTEEN, GRAPH]))
def test_drawn_sentences_are_no_moves(data, instance):
    text = data.draw(
        st.lists(words(instance), min_size=1, max_size=4).flatmap(
            lambda s: st.sampled_from(["\n".join(s), " ".join(s)])
        )
    )
    events, said = moves(text, instance)
    assert events == [], text
    assert said.followed == 1
