// A puzzle as the page knows it: cells 0..n-1, values 1..d (0 = blank), and which cells must differ.

export interface Puzzle {
  id: string;
  n: number;
  d: number;
  givens: number[];
  edges: [number, number][]; // pairs of cells that must differ, besides those within a cover
  covers: number[][]; // scopes of d cells that hold each value once (rows, columns, boxes)
  shape?: { side: number; regions: number[] }; // of a grid, with each cell's region (-1: none); a graph has no shape
  solution?: number[]; // if it is known to be the only one
  guesses?: number | null;
  stratum?: string;
  family?: string;
  relations?: number[]; // n * n codes as networks read them, row by row; none: derived (core/tokens.ts)
}

// What happened at one moment: at network call `call` the cell came to hold the value, 0 = taken back.
export type Event = [call: number, cell: number, value: number];

// For each cell, the cells that must differ from it, rising.
export function neighbours(puzzle: Puzzle): number[][] {
  const near: Set<number>[] = Array.from({ length: puzzle.n }, () => new Set());
  for (const [a, b] of puzzle.edges) {
    near[a].add(b);
    near[b].add(a);
  }
  for (const scope of puzzle.covers)
    for (const a of scope) for (const b of scope) if (a !== b) near[a].add(b);
  return near.map((cells) => [...cells].sort((a, b) => a - b));
}

// The assignment after the first `count` events.
export function stateAfter(puzzle: Puzzle, events: Event[], count: number): number[] {
  const state = puzzle.givens.slice();
  for (let place = 0; place < count; place++) state[events[place][1]] = events[place][2];
  return state;
}
