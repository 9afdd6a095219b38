import { expect, test } from "vitest";
import { alive, count, countSolutions } from "../src/core/counter";
import { mix, uniform } from "../src/core/csprng";
import { nearOf } from "../src/core/propagate";
import { bruteForce, graph, grid } from "./live_boards";

test("an empty 4x4 has 288 grids, counted exactly and up to a limit", () => {
  const near = nearOf(grid(4));
  const empty = new Array(16).fill(0);
  expect(countSolutions(empty, near, 1000)).toBe(288);
  expect(countSolutions(empty, near, 5)).toBe(5);
  expect(alive(empty, near)).toBe(true);
});

test("counts are those of brute force on random graphs and states", () => {
  for (let key = 0; key < 200; key++) {
    const draw = (place: number) => uniform(BigInt(key), place);
    const n = 2 + Math.floor(draw(0) * 6);
    const d = 1 + Math.floor(draw(1) * 3);
    const edges: [number, number][] = [];
    for (let a = 0; a < n; a++)
      for (let b = a + 1; b < n; b++) if (uniform(BigInt(key), 2, a, b) < 0.4) edges.push([a, b]);
    const puzzle = graph(n, d, edges);
    const near = nearOf(puzzle);
    const state = puzzle.givens.map((_, cell) => (draw(3 + cell) < 0.3 ? 1 + (Number(mix(7n, key, cell)) % d) : 0));
    expect(countSolutions(state, near, 1e6)).toBe(bruteForce(puzzle, near.neighbours, state));
  }
});

test("hard 9x9 puzzles are counted up to two within seconds on a slow machine", () => {
  const hard = [
    "8..........36......7..9.2...5...7.......457.....1...3...1....68..85...1..9....4..",
    "1....7.9..3..2...8..96..5....53..9...1..8...26....4...3......1..4......7..7...3..",
    "..............3.85..1.2.......5.7.....4...1...9.......5......73..2.1........4...9",
    ".....6....59.....82....8....45........3........6..3.54...325..6..................",
  ];
  for (const line of hard) {
    const puzzle = grid(9, line);
    const started = performance.now();
    const found = countSolutions(puzzle.givens, nearOf(puzzle), 2);
    expect([1, 2]).toContain(found);
    expect(performance.now() - started).toBeLessThan(5000);
  }
  expect(countSolutions(grid(9, hard[0]).givens, nearOf(grid(9)), 2)).toBe(1);
});

test("a budget that ends a count is said", () => {
  const near = nearOf(grid(9));
  expect(count(new Array(81).fill(0), near, 1e9, 50).exact).toBe(false);
  expect(count(new Array(81).fill(0), near, 1).exact).toBe(true);
});

test("a 25x25 board fits in the bits", () => {
  const puzzle = grid(25);
  expect(alive(puzzle.givens, nearOf(puzzle))).toBe(true);
  const two = puzzle.givens.slice();
  two[0] = two[1] = 25;
  expect(alive(two, nearOf(puzzle))).toBe(false);
});
