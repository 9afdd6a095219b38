// What is to be marked on a board after some events of a replay.
import { neighbours, type Puzzle } from "./problem";
import type { Replay } from "./replay";

export interface Marks {
  latest: number | null; // the cell of the last event
  back: boolean; // it was taken back
  killer: number | null; // the cell whose commit killed the board, while it is dead
  core: number[]; // commits that cannot stand together, while it is dead
  clash: number[]; // cells that break a rule
  empty: number[]; // blank cells without a value
  dead: boolean;
}

const NEAR = new WeakMap<Puzzle, number[][]>();

export function near(puzzle: Puzzle): number[][] {
  let found = NEAR.get(puzzle);
  if (!found) NEAR.set(puzzle, (found = neighbours(puzzle)));
  return found;
}

// Cells that hold a neighbour's value, and blank cells whose neighbours hold every value.
export function conflicts(puzzle: Puzzle, state: number[]): { clash: number[]; empty: number[] } {
  const clash: number[] = [];
  const empty: number[] = [];
  near(puzzle).forEach((cells, cell) => {
    if (state[cell]) {
      if (cells.some((other) => state[other] === state[cell])) clash.push(cell);
    } else if (new Set(cells.map((other) => state[other]).filter(Boolean)).size === puzzle.d) empty.push(cell);
  });
  return { clash, empty };
}

export function marksOf(replay: Replay, count: number): Marks {
  const state = replay.state(count);
  const dead = replay.alive(count) === false;
  const last = count > 0 ? replay.events[count - 1] : null;

  // the commit that killed the board the last time, and the core of the first time, which is the one that was kept
  const killers = replay.record.dead.filter((event) => event < count);
  const killer = dead && killers.length ? killers[killers.length - 1] : null;
  const { clash, empty } = conflicts(replay.puzzle, state);
  return {
    latest: last ? last[1] : null,
    back: last !== null && last[2] === 0,
    killer: killer === null ? null : replay.events[killer][1],
    core: killer !== null && killer === replay.record.dead[0] ? replay.record.core.filter((cell) => state[cell] > 0) : [],
    clash,
    empty,
    dead,
  };
}
