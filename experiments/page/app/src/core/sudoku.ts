// Sudoku boards, and their text as csp/io/board_text.py reads it.
//
//   const { puzzle, more } = read("1.3. ..."); // the first puzzle of the text; how many stand behind it
//   write(puzzle.givens, 6)                     // rows of symbols, . = blank
//
// Faults are Errors of one line that say what is wrong and where.

import { cellName, SYMBOLS } from "./names";
import type { Puzzle } from "./problem";

// side: [rows, columns] of a box
const BOXES: Record<number, [number, number]> = {
  4: [2, 2], 6: [2, 3], 8: [2, 4], 9: [3, 3], 10: [2, 5], 12: [3, 4], 16: [4, 4], 25: [5, 5],
};
export const SIDES = Object.keys(BOXES).map(Number);
const UNITS = ["row", "column", "box"];
const LONGEST = 100_000; // symbols of a text that are looked at

// The board of that side with these givens (default: none). Throws for a side that has no boxes.
export function board(side: number, givens: number[] = new Array(side * side).fill(0), id = "puzzle"): Puzzle {
  const boxes = BOXES[side];
  if (!boxes) throw new Error(`no Sudoku board of side ${side}; sides are ${SIDES.join(", ")}`);
  const [high, wide] = boxes;
  const cells = Array.from({ length: side * side }, (_, cell) => cell);
  const row = (cell: number) => Math.floor(cell / side);
  const column = (cell: number) => cell % side;
  const box = (cell: number) => Math.floor(row(cell) / high) * (side / wide) + Math.floor(column(cell) / wide);
  const covers = [row, column, box].flatMap((of) =>
    Array.from({ length: side }, (_, unit) => cells.filter((cell) => of(cell) === unit)),
  );
  return { id, n: side * side, d: side, givens, edges: [], covers, shape: { side, regions: cells.map(box) } };
}

// The first puzzle of a text: one line of all symbols, or as many lines as a line has symbols. Spaces, | and lines of
// -+= are decoration, . 0 _ and * are blank, # begins a comment. more: lines or grids behind it.
export function read(text: string): { puzzle: Puzzle; more: boolean } {
  const lines: [number, string][] = [];
  text.slice(0, LONGEST).split(/\r?\n/).forEach((raw, place) => {
    const line = raw.trim();
    if (line && !line.startsWith("#") && !/^[-+=|\s]*$/.test(line))
      lines.push([place + 1, line.replace(/[\s|]/g, "").toUpperCase().replace(/[0_*]/g, ".")]);
  });
  if (!lines.length) throw new Error("no puzzle in it");
  const [number, first] = lines[0];
  const where = `line ${number}`;

  // Lines of 16 symbols are 4x4 puzzles, unless one of them holds a symbol above 4: then they are rows of 16x16 grids.
  const wide = first.length in BOXES && (first.length !== 16 || lines.some(([, line]) => /[5-9A-G]/.test(line)));
  const height = wide ? first.length : 1;
  const grid = lines.slice(0, height);
  const odd = grid.find(([, line]) => line.length !== first.length);
  if (odd) throw new Error(`line ${odd[0]} has ${odd[1].length} symbol${odd[1].length === 1 ? "" : "s"}; the lines before it have ${height}`);
  if (grid.length < height) throw new Error(`${grid.length} line${grid.length === 1 ? "" : "s"} of ${height} symbols; a board of that side has ${height}`);
  const rows = grid.map(([, line]) => line);
  return { puzzle: parse(rows.join(""), where), more: lines.length > height };
}

// One line of side * side symbols.
function parse(text: string, where: string): Puzzle {
  const side = Math.round(Math.sqrt(text.length));
  if (side * side !== text.length || !BOXES[side]) {
    const lengths = SIDES.map((one) => one * one).join(", ");
    throw new Error(`${where}: ${text.length} symbol${text.length === 1 ? "" : "s"}; a puzzle has ${lengths}, or rows of ${SIDES.join(", ")}`);
  }
  const givens = [...text].map((symbol, cell) => {
    const value = SYMBOLS.indexOf(symbol);
    if (value < 0 || value > side)
      throw new Error(`${where}: “${symbol}” at row ${Math.floor(cell / side) + 1} column ${(cell % side) + 1}; a ${side}x${side} board has ., 0 and 1-${SYMBOLS[side]}`);
    return value;
  });
  return board(side, givens, where);
}

// What contradicts among the givens, in words; null: nothing.
export function contradiction(puzzle: Puzzle): string | null {
  const side = puzzle.shape!.side;
  for (const [place, scope] of puzzle.covers.entries()) {
    const cellOf = new Map<number, number>();
    for (const cell of scope) {
      const value = puzzle.givens[cell];
      if (!value) continue;
      const before = cellOf.get(value);
      if (before === undefined) cellOf.set(value, cell);
      else {
        const [one, other] = [before, cell].map((at) => cellName(puzzle, at));
        return `${SYMBOLS[value]} stands twice in one ${UNITS[Math.floor(place / side)]}: ${one} and ${other}`;
      }
    }
  }
  return null;
}

// Rows of symbols.
export function write(values: number[], side: number): string {
  const symbols = values.map((value) => SYMBOLS[value]);
  return Array.from({ length: side }, (_, row) => symbols.slice(row * side, (row + 1) * side).join("")).join("\n");
}

// The value that a key stands for on a board of that side; 0 blanks a cell, null is none.
export function valueOf(key: string, side: number): number | null {
  if (key === "Backspace" || key === "Delete" || key === "0" || key === ".") return 0;
  const value = key.length === 1 ? SYMBOLS.indexOf(key.toUpperCase()) : -1;
  return value > 0 && value <= side ? value : null;
}
