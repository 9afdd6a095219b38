// Puzzles for the tests of the live decoder: a grid by its side and boxes, a graph by its edges.

import type { Puzzle } from "../src/core/problem";

// An empty Sudoku; givens: a line of digits, . = blank.
export function grid(side: number, boxRows: number, boxColumns: number, givens = ".".repeat(side * side)): Puzzle {
  const n = side * side;
  const cells = Array.from({ length: n }, (_, cell) => cell);
  const row = (cell: number) => Math.floor(cell / side);
  const perBand = side / boxColumns;
  const column = (cell: number) => cell % side;
  const region = (cell: number) => Math.floor(row(cell) / boxRows) * perBand + Math.floor(column(cell) / boxColumns);
  const regions = cells.map(region);
  const lines = Array.from({ length: side }, (_, line) => line);
  const covers = [
    ...lines.map((line) => cells.filter((cell) => row(cell) === line)),
    ...lines.map((line) => cells.filter((cell) => column(cell) === line)),
    ...lines.map((line) => cells.filter((cell) => regions[cell] === line)),
  ];
  const values = [...givens].map((symbol) => (symbol === "." ? 0 : Number(symbol)));
  return { id: `grid${side}`, n, d: side, givens: values, edges: [], covers, shape: { side, regions } };
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
