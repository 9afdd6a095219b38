// A person as the decoder: cell by cell in reading order. Without undo the page says nothing until the end, and then
// shows the move after which no solution was left.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { cellName, symbol } from "../core/names";
import { conflicts, type Marks } from "../core/marks";
import type { Puzzle } from "../core/problem";
import { Board } from "../ui/Board";

export function Yourself({ puzzle, undo }: { puzzle: Puzzle; undo: boolean }): JSX.Element {
  const blanks = puzzle.givens.map((value, cell) => (value ? -1 : cell)).filter((cell) => cell >= 0);
  const [moves, setMoves] = useState<number[]>([]);
  const [back, setBack] = useState(0);
  const [given, setGiven] = useState(false); // the person wants to see now
  const over = moves.length === blanks.length;
  const seen = over || given;

  // The puzzle has one solution: a board is alive as long as every value is that one's.
  const solution = puzzle.solution!;
  const killer = moves.findIndex((value, place) => value !== solution[blanks[place]]);
  const lost = killer >= 0;
  const next = over ? null : blanks[moves.length];
  const write = (value: number) => {
    // by what the board is then: keys may come faster than it is drawn
    if (!given) setMoves((before) => (before.length < blanks.length ? [...before, value] : before));
  };
  const takeBack = () => {
    if (!undo || !moves.length) return;
    setMoves((before) => before.slice(0, -1));
    setBack((before) => before + 1);
  };
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || (event.target as HTMLElement).closest("nav, select, input")) return;
      const value = Number(event.key);
      if (event.key === "Backspace" && undo) takeBack();
      else if (Number.isInteger(value) && value >= 1 && value <= puzzle.d) write(value);
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });

  const state = puzzle.givens.slice();
  moves.forEach((value, place) => (state[blanks[place]] = value));
  const silent: Marks = { latest: null, back: false, killer: null, core: [], clash: [], empty: [], dead: false };
  const marks: Marks = seen && lost ? { ...silent, ...conflicts(puzzle, state), killer: blanks[killer], dead: true } : silent;
  const solved = over && !lost;
  return (
    <div class="yourself">
      <Board puzzle={puzzle} state={state} marks={marks} selected={seen ? null : next} label="your board" />
      <div class="beside">
        {!seen && next !== null && (
          <>
            <p class="now-fill">Which value for {cellName(puzzle, next)}?</p>
            <div class="pad" role="group" aria-label={`a value for ${cellName(puzzle, next)}`}>
              {Array.from({ length: puzzle.d }, (_, place) => (
                <button key={place} type="button" onClick={() => write(place + 1)}>{symbol(puzzle, place + 1)}</button>
              ))}
            </div>
            <p class="count">{moves.length} of {blanks.length} filled{undo ? `, ${back} taken back` : ""}</p>
            <div class="controls">
              {undo && <button type="button" onClick={takeBack} disabled={!moves.length}>↶ take back</button>}
              {moves.length > 0 && <button type="button" onClick={() => setGiven(true)}>stop here and see how it stands</button>}
            </div>
          </>
        )}
        {seen && (
          <div role="status">
            {solved && <p class="status alive">✓ Solved: a solution was left after each of your values.</p>}
            {!lost && !solved && <p class="status alive">● A solution is left: nothing has gone wrong so far.</p>}
            {lost && (
              <>
                <p class="status dead">✕ From value {killer + 1} on no solution was possible.</p>
                <p>
                  {cellName(puzzle, blanks[killer])} took {symbol(puzzle, moves[killer])} (hatched). You wrote {moves.length - killer - 1} more
                  value{moves.length - killer - 1 === 1 ? "" : "s"}{undo ? "" : " and could not go back"}. {symbol(puzzle, solution[blanks[killer]])} stands there in the only solution.
                </p>
              </>
            )}
            <button type="button" class="main" onClick={() => (setMoves([]), setBack(0), setGiven(false))}>play again</button>
          </div>
        )}
      </div>
    </div>
  );
}
