import { describe, expect, it } from "vitest";
import { fromFragment, toFragment, type View } from "../src/core/link";
import { layout, SIZE } from "../src/core/layout";
import type { Puzzle } from "../src/core/problem";
import { Replay, type TraceRecord } from "../src/core/replay";

const puzzle: Puzzle = { id: "x", n: 4, d: 2, givens: [0, 2, 0, 0], edges: [[0, 1], [2, 3], [0, 2]], covers: [] };
const record: TraceRecord = {
  decoder: 0, puzzle: 0, end: "solved", calls: 5, tokens: 9, flops: 100,
  // 0 takes 2 (dead), 2 takes 1, both are taken back, 0 takes 1, 2 takes 2, 3 takes 1
  events: [1, 0, 2, 2, 2, 1, 2, 2, 0, 2, 0, 0, 3, 0, 1, 4, 2, 2, 5, 3, 1],
  alive: [0, 3], dead: [0], shows: 0, core: [0], detector: "broken", debt: null, signs: [0, 2, 1, 0, 4, 2],
};

describe("a replay", () => {
  const replay = new Replay(puzzle, record);
  it("gives the board after any number of events", () => {
    expect(replay.state(0)).toEqual([0, 2, 0, 0]);
    expect(replay.state(2)).toEqual([2, 2, 1, 0]);
    expect(replay.state(4)).toEqual([0, 2, 0, 0]);
    expect(replay.state(7)).toEqual([1, 2, 2, 1]);
  });
  it("knows when the board is dead and what shows", () => {
    expect([0, 1, 2, 3, 4, 5].map((count) => replay.alive(count))).toEqual([true, false, false, false, true, true]);
    expect([0, 1, 3, 4].map((count) => replay.sign(count))).toEqual([2, 0, 0, 2]);
  });
  it("moves by calls, commits and FLOPs, from nothing to all", () => {
    for (const unit of ["calls", "commits", "flops"] as const) {
      expect(replay.eventsBy(0, unit)).toBe(0);
      expect(replay.eventsBy(replay.span(unit), unit)).toBe(7);
      let before = 0;
      for (let moment = 0; moment <= replay.span(unit); moment += replay.span(unit) / 20) {
        const now = replay.eventsBy(moment, unit);
        expect(now).toBeGreaterThanOrEqual(before);
        before = now;
      }
    }
    expect(replay.eventsBy(2, "calls")).toBe(4);
    expect(replay.eventsBy(2, "commits")).toBe(2);
    expect(replay.eventsBy(3, "commits")).toBe(5);
  });
  it("tells a cell's history", () => {
    expect(replay.history(0, 7).map((one) => one.value)).toEqual([2, 0, 1]);
  });
});

describe("a link", () => {
  const plain: View = { puzzle: 0, show: [0, 1], unit: "calls", at: 0, cell: null, stratum: "", outcome: "" };
  it("brings back the view", () => {
    const view: View = { puzzle: 3, show: [2, 0], unit: "flops", at: 12.5, cell: 7, stratum: "4-10", outcome: "lost" };
    expect(fromFragment(toFragment(view), plain, 10, 4)).toEqual(view);
  });
  it("passes over what is odd", () => {
    expect(fromFragment("#puzzle=99&show=8.x&unit=days&at=-3&<script>", plain, 10, 4)).toEqual(plain);
  });
});

it("a layout is the same every time and within its square", () => {
  const spots = layout(puzzle);
  expect(spots).toEqual(layout(puzzle));
  for (const { x, y } of spots) expect(Math.min(x, y) >= 0 && Math.max(x, y) <= SIZE).toBe(true);
});
