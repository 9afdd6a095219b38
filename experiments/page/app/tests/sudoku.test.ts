import { expect, test } from "vitest";
import { uniform } from "../src/core/csprng";
import { board, contradiction, read, SIDES, valueOf, write } from "../src/core/sudoku";

const LINE = "1.3.............";

test("one line, rows, and a drawn grid are the same puzzle", () => {
  const drawn = "# mine\n+---+---+\n| 1 0 | 3 _ |\n|* .|. .|\n+---+---+\n|. .|. .|\n|. .|. .|\n";
  for (const text of [LINE, LINE.replace(/(....)/g, "$1\n"), drawn])
    expect(read(text)).toMatchObject({ more: false, puzzle: { d: 4, givens: [1, 0, 3, ...new Array(13).fill(0)] } });
  expect(read(`${LINE}\n${LINE}`).more).toBe(true);
});

test("what is written is read again, at every size", () => {
  for (const side of SIDES) {
    const givens = Array.from({ length: side * side }, (_, cell) => Math.floor(uniform(1n, side, cell) * (side + 1)));
    expect(read(write(givens, side)).puzzle.givens).toEqual(givens);
  }
});

test("each cell stands in a row, a column and a box of as many cells as there are values", () => {
  for (const side of SIDES) {
    const { covers, n, shape } = board(side);
    expect(covers.length).toBe(3 * side);
    expect(covers.every((scope) => scope.length === side)).toBe(true);
    for (let cell = 0; cell < n; cell++) expect(covers.filter((scope) => scope.includes(cell)).length).toBe(3);
    expect(new Set(shape!.regions).size).toBe(side);
  }
});

test("what is no puzzle is named with its place", () => {
  expect(() => read("")).toThrow("no puzzle");
  expect(() => read("12345")).toThrow("line 1: 5 symbols");
  expect(() => read("\n123\n...\n...")).toThrow("line 2: 3 symbols");
  expect(() => read("1234\n....\n...\n....")).toThrow("line 3 has 3 symbols; the lines before it have 4");
  expect(() => read("1234\n....")).toThrow("2 lines of 4 symbols; a board of that side has 4");
  expect(() => read(`<${".".repeat(35)}`)).toThrow("“<” at row 1 column 1");
  expect(() => read(`7${".".repeat(35)}`)).toThrow("“7” at row 1 column 1; a 6x6 board has ., 0 and 1-6");
});

test("givens that contradict are named", () => {
  expect(contradiction(read(LINE).puzzle)).toBe(null);
  expect(contradiction(read("1..1............").puzzle)).toBe("1 stands twice in one row: row 1 column 1 and row 1 column 4");
  expect(contradiction(read("2...........2...").puzzle)).toContain("one column: row 1 column 1 and row 4 column 1");
  expect(contradiction(read("1....1..........").puzzle)).toContain("one box");
});

test("keys are values up to the side", () => {
  expect([valueOf("4", 4), valueOf("5", 4), valueOf("a", 16), valueOf("Backspace", 9), valueOf("0", 9), valueOf("x", 9)]).toEqual([4, null, 10, 0, 0, null]);
});
