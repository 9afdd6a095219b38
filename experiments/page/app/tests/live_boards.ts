// Puzzles for the tests of the live decoder: a grid by its side, a graph by its edges.

import type { Puzzle } from "../src/core/problem";
import { board } from "../src/core/sudoku";

// A Sudoku; givens: a line of digits, . = blank.
export function grid(side: number, givens = ".".repeat(side * side)): Puzzle {
  return board(side, [...givens].map((symbol) => (symbol === "." ? 0 : Number(symbol))));
}

export function graph(n: number, d: number, edges: [number, number][]): Puzzle {
  return { id: "graph", n, d, givens: new Array(n).fill(0), edges, covers: [] };
}

// By trial of all assignments: how many solutions extend one.
export function bruteForce(puzzle: Puzzle, near: number[][], assignment: number[]): number {
  const fits = (cell: number, state: number[]) => near[cell].every((other) => state[other] !== state[cell]);
  if (assignment.some((value, cell) => value && !fits(cell, assignment))) return 0;
  const cell = assignment.indexOf(0);
  if (cell < 0) return 1;
  let total = 0;
  for (let value = 1; value <= puzzle.d; value++) {
    const next = assignment.slice();
    next[cell] = value;
    if (fits(cell, next)) total += bruteForce(puzzle, near, next);
  }
  return total;
}
