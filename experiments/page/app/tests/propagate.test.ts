import { expect, test } from "vitest";
import { inspect, LEVELS, nearOf, size, solverRank } from "../src/core/propagate";
import { graph, grid } from "./live_boards";

const allowedAt = (seen: { allowed: Uint8Array }, cell: number, d: number) =>
  [...seen.allowed.subarray(cell * d, cell * d + d)].flatMap((own, value) => (own ? [value + 1] : []));

test("size counts bits", () => {
  expect([0, 1, 0b1011, 2 ** 25 - 1, -1].map(size)).toEqual([0, 1, 3, 25, 32]);
});

test("legal values are those that no neighbour holds; clashes show", () => {
  const puzzle = grid(4, "12..............");
  const near = nearOf(puzzle);
  const seen = inspect(puzzle.givens, near, LEVELS.legal);
  expect(allowedAt(seen, 2, 4)).toEqual([3, 4]);
  expect(allowedAt(seen, 15, 4)).toEqual([1, 2, 3, 4]);
  expect(seen.inconsistent).toBe(false);
  const clashing = inspect([1, 1, ...new Array(14).fill(0)], near, LEVELS.legal);
  expect([...clashing.clash.subarray(0, 3)]).toEqual([1, 1, 0]);
  expect(clashing.inconsistent).toBe(true);
});

test("unit propagation rules out what empties a cell two steps on", () => {
  // A path 0 - 1 - 2 - 3 of two colours: 0 = 1 settles all of it.
  const near = nearOf(graph(4, 2, [[0, 1], [1, 2], [2, 3]]));
  expect(allowedAt(inspect([1, 0, 0, 0], near, LEVELS.legal), 3, 2)).toEqual([1, 2]);
  expect(allowedAt(inspect([1, 0, 0, 0], near, LEVELS.propagate), 3, 2)).toEqual([2]);
  expect(inspect([1, 0, 0, 1], near, LEVELS.legal).inconsistent).toBe(false);
  expect(inspect([1, 0, 0, 1], near, LEVELS.propagate).inconsistent).toBe(true);
});

test("a triangle of two colours is seen at the level that looks ahead", () => {
  const near = nearOf(graph(3, 2, [[0, 1], [1, 2], [0, 2]]));
  expect(inspect([0, 0, 0], near, LEVELS.legal).inconsistent).toBe(false);
  expect(inspect([0, 0, 0], near, LEVELS.propagate).inconsistent).toBe(true);
});

test("the solver's order: no value, naked single, hidden single, then fewest values", () => {
  const puzzle = grid(4, "123...........4.");
  const ranks = solverRank(puzzle.givens, nearOf(puzzle));
  const step = puzzle.n + 1;
  expect(Math.ceil(ranks[3] / step)).toBe(1); // a naked single: 4
  expect(ranks[3]).toBeLessThan(ranks[5]);
});
