import { expect, test } from "vitest";
import { uniform } from "../src/core/csprng";
import { judge, MANY, onlySolution, verdict } from "../src/core/judge";
import type { Event, Puzzle } from "../src/core/problem";
import { nearOf } from "../src/core/propagate";
import { Replay } from "../src/core/replay";
import { bruteForce, grid } from "./live_boards";

const ONE = "1...............".replace("1...", "1.3.");

// Commits at random, at times taken back.
function wandering(puzzle: Puzzle, key: number): Event[] {
  const state = puzzle.givens.slice();
  const events: Event[] = [];
  for (let call = 1; call <= 12; call++) {
    const draw = (purpose: number) => uniform(BigInt(key), purpose, call);
    const blank = state.flatMap((value, cell) => (value ? [] : [cell]));
    const written = state.flatMap((value, cell) => (value && !puzzle.givens[cell] ? [cell] : []));
    const back = written.length > 0 && draw(0) < 0.35;
    const from = back ? written : blank;
    const cell = from[Math.floor(draw(1) * from.length)];
    state[cell] = back ? 0 : 1 + Math.floor(draw(2) * puzzle.d);
    events.push([call, cell, state[cell]]);
  }
  return events;
}

test("every state's verdict, the core and the debt are those of brute force", () => {
  const near = nearOf(grid(4)).neighbours;
  let cores = 0;
  for (let key = 0; key < 60; key++) {
    const puzzle = grid(4, key % 2 ? "1.3...4......2.." : ONE);
    const events = wandering(puzzle, key);
    const record = judge(puzzle, events, "stuck", 12);
    const replay = new Replay(puzzle, record);
    for (let count = 0; count <= events.length; count++)
      expect(replay.alive(count)).toBe(bruteForce(puzzle, near, replay.state(count)) > 0);
    if (!record.dead.length) continue;

    // The core cannot stand with the givens; without any of its commits the others can.
    const dead = replay.state(record.dead[0] + 1);
    const only = (cells: number[]) => puzzle.givens.map((given, cell) => given || (cells.includes(cell) ? dead[cell] : 0));
    expect(bruteForce(puzzle, near, only(record.core))).toBe(0);
    for (const cell of record.core) expect(bruteForce(puzzle, near, only(record.core.filter((one) => one !== cell)))).toBeGreaterThan(0);
    cores++;
  }
  expect(cores).toBeGreaterThan(20);
});

test("where a dead end first shows, and where it never does", () => {
  const puzzle = grid(4, "12..............");
  const quiet = judge(puzzle, [[1, 4, 3], [2, 5, 3]], "stuck", 2);
  expect([quiet.dead, quiet.shows]).toEqual([[1], 1]);
  const never = judge(puzzle, [[1, 6, 1], [2, 6, 0]], "stuck", 2);
  expect([never.alive, never.shows]).toEqual([[], null]);
});

test("a puzzle without solution is lost from the start", () => {
  const record = judge(grid(4, "1.....1...1..1.."), [[1, 1, 2]], "stuck", 1);
  const contradicts = judge(grid(4, "11.............."), [], "refuted", 0);
  expect(contradicts.hopeless).toBe(true);
  expect(new Replay(grid(4, "11.............."), contradicts).alive(0)).toBe(false);
  expect(record.hopeless ?? false).toBe(verdict(grid(4, "1.....1...1..1..")).count === 0);
});

test("solutions are counted up to a limit, and the only one is found", () => {
  expect(verdict(grid(4))).toEqual({ count: MANY, exact: true });
  const puzzle = grid(4, "1234341221434321".replace(/.$/, ".").replace(/^../, ".."));
  expect(onlySolution(puzzle)?.join("")).toBe("1234341221434321");
  expect(onlySolution(grid(4))).toBe(null);
  expect(judge(puzzle, [[1, 0, 2]], "stuck", 1).debt).toBe(1);
});
