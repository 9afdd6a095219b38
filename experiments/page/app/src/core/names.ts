// How cells and values are called and written.
import type { Puzzle } from "./problem";

export const SYMBOLS = ".123456789ABCDEFGHIJKLMNOP";

// A value as the board shows it; colours are numbers too, so that nobody needs to tell hues apart.
export function symbol(puzzle: Puzzle, value: number): string {
  return puzzle.shape && value < SYMBOLS.length ? SYMBOLS[value] : String(value);
}

export function cellName(puzzle: Puzzle, cell: number): string {
  if (!puzzle.shape) return `node ${cell + 1}`;
  const { side } = puzzle.shape;
  return `row ${Math.floor(cell / side) + 1} column ${(cell % side) + 1}`;
}

// Okabe and Ito's colours, which colour-blind people tell apart, then hues between them.
const COLOURS = ["#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#999999"];

export function colour(value: number): string {
  if (value <= COLOURS.length) return COLOURS[value - 1];
  return `hsl(${(value * 137.5) % 360} 60% 60%)`;
}

// 1234567 as "1.2 M".
export function short(number: number): string {
  const units: [number, string][] = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];
  for (const [size, unit] of units) if (number >= size) return `${(number / size).toPrecision(3)} ${unit}`;
  return Number.isInteger(number) ? String(number) : number.toPrecision(3);
}

export const SIGNS = ["a rule is broken", "a blank cell has no value left", ""];
export const DETECTORS: Record<string, string> = {
  broken: "a broken rule shows it at once",
  empty: "a cell without a value shows it at once",
  propagation: "unit propagation would see it at once",
  singles: "naked and hidden singles would see it at once",
  search: "only search would see it at once",
};
