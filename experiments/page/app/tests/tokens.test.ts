import { expect, test } from "vitest";
import { causal, inPlace, relationCodes } from "../src/core/tokens";
import { graph, grid } from "./live_boards";

const puzzle = grid(4, "1...............");
const codes = relationCodes(puzzle);
const rows = (square: ArrayLike<number>, m: number) =>
  Array.from({ length: m }, (_, q) => Array.from({ length: m }, (_, k) => square[q * m + k]).join(""));

test("codes: a bit each for row, column and box, 16 for the cell itself; 8 for an edge", () => {
  expect([0, 1, 2, 4, 5, 8, 15].map((cell) => codes[cell])).toEqual([16, 5, 1, 6, 4, 2, 0]);
  const edges = relationCodes(graph(3, 2, [[0, 2]]));
  expect(Array.from(edges)).toEqual([16, 0, 8, 0, 16, 0, 8, 0, 16]);
});

test("a puzzle's own matrix goes before what is derived", () => {
  expect(relationCodes({ ...puzzle, relations: [1, 2, 3] })).toEqual([1, 2, 3]);
});

test("causal: clues, START, commits; each token aims at the next blank", () => {
  const state = puzzle.givens.slice();
  state[3] = 4;
  state[1] = 2;
  const text = causal(state, puzzle.givens, [3, 1], [2], codes, 4);
  expect(text.values).toEqual([1, 5, 4, 2]);
  expect(text.cells).toEqual([0, 16, 3, 1]);
  expect(text.targets).toEqual([0, 3, 1, 2]);
  expect(rows(text.blocked, 4)).toEqual(["0111", "0011", "0001", "0000"]);
  expect(text.related[0]).toBe(16 + 32 * 16);
  expect(text.related[4]).toBe(32 * codes[3 * 16]); // START is related to nothing, its target is
  expect(text.related[1]).toBe(0);
});

test("causal: several questions see what was committed and themselves, not each other; clues see all clues", () => {
  const two = grid(4, "12..............");
  const text = causal(two.givens, two.givens, [], [2, 3, 5], codes, 4);
  expect(text.values).toEqual([1, 2, 5, 5, 5]);
  expect(text.targets).toEqual([0, 1, 2, 3, 5]);
  expect(rows(text.blocked, 5)).toEqual(["00111", "00111", "00011", "00101", "00110"]);
});

test("in place: what is blocked follows the sight", () => {
  const small = graph(3, 2, [[0, 1]]);
  const own = relationCodes(small);
  const see = (workspace: "live" | "none", reading: "anew" | "cached") =>
    rows(inPlace([1, 2, 0], [1, 2, 0], own, { workspace, reading }).blocked, 3);
  expect(see("live", "anew")).toEqual(["000", "000", "000"]);
  expect(see("none", "anew")).toEqual(["001", "001", "000"]);
  expect(see("live", "cached")).toEqual(["011", "001", "000"]);
  expect(inPlace([1, 2, 0], [1, 2, 0], own, { workspace: "live", reading: "anew" }).related[1]).toBe(8 * 33);
});
