// Assignments as token sequences, as the networks were trained to read them (csp/tokens.py), with the relation codes
// and the sight that stand beside them: the five inputs of an exported network (generators/weights/onnx_export.py).
//
//   const text = causal(assignment, givens, committed, asked, codes, d);      // ar, ar-random, ar-solver
//   const text = inPlace(assignment, commitOrder, codes, sight);              // diffusion and its variants
//
// Vocabulary for d values: 0 = MASK, 1..d = value, d + 1 = START. A cell id of n means no cell (START).

import { neighbours, type Puzzle } from "./problem";

const ROW = 1;
const COLUMN = 2;
const BOX = 4;
const EDGE = 8;
const SELF = 16;
const TARGET = 32; // a target's code stands above the cell's

// m tokens; related and blocked are m * m, a row a token that looks.
export interface Text {
  m: number;
  values: number[];
  cells: number[];
  targets: number[];
  related: Int32Array;
  blocked: Uint8Array;
}

// How two cells are related, n * n: the puzzle's own matrix if it has one, else rows, columns and regions of its grid,
// or edges of its graph.
export function relationCodes(puzzle: Puzzle): ArrayLike<number> {
  if (puzzle.relations) return puzzle.relations;
  const { n, shape } = puzzle;
  const codes = new Int32Array(n * n);
  if (shape) {
    const row = (cell: number) => Math.floor(cell / shape.side);
    const column = (cell: number) => cell % shape.side;
    const box = (a: number, b: number) => shape.regions[a] >= 0 && shape.regions[a] === shape.regions[b];
    for (let a = 0; a < n; a++)
      for (let b = 0; b < n; b++)
        codes[a * n + b] =
          (row(a) === row(b) ? ROW : 0) | (column(a) === column(b) ? COLUMN : 0) | (box(a, b) ? BOX : 0);
  } else {
    neighbours(puzzle).forEach((near, a) => near.forEach((b) => (codes[a * n + b] = EDGE)));
  }
  for (let cell = 0; cell < n; cell++) codes[cell * n + cell] = SELF;
  return codes;
}

// Two codes in one for each pair of tokens: the token's cell to the other's, and its target to it.
function pairs(codes: ArrayLike<number>, n: number, cells: number[], targets: number[]): Int32Array {
  const m = cells.length;
  const code = (a: number, b: number) => (a === n || b === n ? 0 : codes[a * n + b]);
  const related = new Int32Array(m * m);
  for (let q = 0; q < m; q++)
    for (let k = 0; k < m; k++) related[q * m + k] = code(cells[q], cells[k]) + TARGET * code(targets[q], cells[k]);
  return related;
}

// What blank cells' tokens are for: seen by others (live) or not; whether commits see later ones (anew) or not.
export interface Sight {
  workspace: "live" | "none";
  reading: "anew" | "cached";
}

// Every cell in its place, 0 = MASK. commitOrder: the later a commit the higher, 0 = given or blank.
export function inPlace(
  assignment: ArrayLike<number>,
  commitOrder: ArrayLike<number>,
  codes: ArrayLike<number>,
  sight: Sight,
): Text {
  const m = assignment.length;
  const cells = Array.from({ length: m }, (_, cell) => cell);
  const values = Array.from(assignment);
  const blocked = new Uint8Array(m * m);
  for (let q = 0; q < m; q++)
    for (let k = 0; k < m; k++) {
      const hidden = sight.workspace === "none" && !values[k];
      const later = commitOrder[k] > commitOrder[q] || !values[k];
      if (q !== k && (hidden || (sight.reading === "cached" && values[q] && later))) blocked[q * m + k] = 1;
    }
  return { m, values, cells, targets: cells, related: pairs(codes, m, cells, cells), blocked };
}

// Clues, START, then the commits in their sequence; the last token stands once for each cell that is asked about and
// aims at it. committed: cells in the sequence of their commits. The questions are the text's last tokens.
export function causal(
  assignment: ArrayLike<number>,
  givens: ArrayLike<number>,
  committed: number[],
  asked: number[],
  codes: ArrayLike<number>,
  d: number,
): Text {
  const n = assignment.length;
  const clues = Array.from({ length: n }, (_, cell) => cell).filter((cell) => givens[cell]);

  // Each token stands where the next blank's value is to be predicted.
  const cells = [...clues, n, ...committed];
  const values = cells.map((cell) => (cell === n ? d + 1 : assignment[cell]));
  const targets = [...clues, ...committed, asked[0]];
  for (const cell of asked.slice(1)) {
    values.push(values[clues.length + committed.length]);
    cells.push(cells[clues.length + committed.length]);
    targets.push(cell);
  }

  // A token sees itself and those before it, clues each other; a question sees no other question.
  const m = cells.length;
  const last = clues.length + committed.length;
  const blocked = new Uint8Array(m * m);
  for (let q = 0; q < m; q++)
    for (let k = 0; k < m; k++) {
      const among = q < clues.length && k < clues.length;
      const question = k >= last && k !== q;
      if (!among && (k > q || question)) blocked[q * m + k] = 1;
    }
  return { m, values, cells, targets, related: pairs(codes, n, cells, targets), blocked };
}
