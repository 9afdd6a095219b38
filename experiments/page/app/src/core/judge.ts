// What is known of a trace that was just made, as experiments/page/payload.py says it of kept ones: which of its states
// some solution extends, where that ended, what shows, which commits cannot stand together, and the debt.
//
//   const record = judge(puzzle, events, "wrong", calls);      // for new Replay(puzzle, record)
//   verdict(puzzle)                                             // of the puzzle itself

import { count } from "./counter";
import { conflicts } from "./marks";
import type { Event, Puzzle } from "./problem";
import { nearOf } from "./propagate";
import type { TraceRecord } from "./replay";

const BUDGET = 20_000; // values tried for a state, then it is left undecided
export const MANY = 100; // solutions that a puzzle's are counted up to

// How many solutions a puzzle has, up to MANY; exact: false if the search was given up.
export function verdict(puzzle: Puzzle): { count: number; exact: boolean } {
  return count(puzzle.givens, nearOf(puzzle), MANY, BUDGET);
}

export function judge(puzzle: Puzzle, events: Event[], end: string, calls: number): TraceRecord {
  const near = nearOf(puzzle);
  const record: TraceRecord = {
    decoder: 0, puzzle: 0, end, calls, tokens: 0, flops: 0, events: events.flat(),
    alive: null, dead: [], shows: null, core: [], detector: null, debt: null, signs: [],
  };
  const lives = (state: number[]) => {
    const { count: found, exact } = count(state, near, 1, BUDGET);
    return exact ? found > 0 : null;
  };

  // State by state. A commit cannot revive a board, and taking one back cannot kill it.
  let state = puzzle.givens.slice();
  const signs = [signOf(puzzle, state)];
  const alive: (boolean | null)[] = [lives(state)];
  for (const [, cell, value] of events) {
    state = state.slice();
    state[cell] = value;
    const before = alive[alive.length - 1];
    signs.push(signOf(puzzle, state));
    if (before === true && value === 0) alive.push(true);
    else if (before === false && value > 0) alive.push(false);
    else alive.push(signs[signs.length - 1] < 2 ? false : lives(state));
  }
  record.signs = signs.flatMap((sign, place) => (place && signs[place - 1] === sign ? [] : [place, sign]));
  if (alive.includes(null)) return record;

  record.alive = alive.slice(1).flatMap((now, event) => (now === alive[event] ? [] : [event]));
  if (!alive[0]) return { ...record, hopeless: true };
  record.dead = record.alive.filter((event) => alive[event]);
  if (record.dead.length) {
    const first = record.dead[0];
    const until = record.alive.find((event) => event > first) ?? events.length;
    const shown = signs.findIndex((sign, place) => place > first && place <= until && sign < 2);
    record.shows = shown < 0 ? null : shown - 1;
    record.core = coreOf(puzzle, events.slice(0, first + 1), lives);
  }
  record.debt = end === "solved" ? null : debtOf(puzzle, state);
  return record;
}

// 0: a rule is broken, 1: a blank cell has no value left, 2: neither.
function signOf(puzzle: Puzzle, state: number[]): number {
  const { clash, empty } = conflicts(puzzle, state);
  return clash.length ? 0 : empty.length ? 1 : 2;
}

// A minimal set of commits that cannot stand with the givens; earlier ones are done without first.
function coreOf(puzzle: Puzzle, events: Event[], lives: (state: number[]) => boolean | null): number[] {
  const state = puzzle.givens.slice();
  const last = new Map<number, number>();
  events.forEach(([, cell, value], event) => {
    state[cell] = value;
    last.set(cell, event);
  });
  const commits = [...last.keys()].filter((cell) => state[cell] > 0);
  commits.sort((a, b) => last.get(a)! - last.get(b)!);
  return commits.filter((cell) => {
    const value = state[cell];
    state[cell] = 0;
    if (lives(state) === false) return false;
    state[cell] = value;
    return true;
  });
}

// The fewest commits to blank for a solution to exist, where a puzzle's solution is the only one: those that differ.
function debtOf(puzzle: Puzzle, state: number[]): number | null {
  const solution = onlySolution(puzzle);
  return solution && state.filter((value, cell) => value && value !== solution[cell]).length;
}

// The solution of a puzzle that has just one; null: it has none, several, or they are too many to search.
export function onlySolution(puzzle: Puzzle): number[] | null {
  const near = nearOf(puzzle);
  const { count: found, exact } = count(puzzle.givens, near, 2, BUDGET);
  if (!exact || found !== 1) return null;
  const state = puzzle.givens.slice();
  for (let cell = 0; cell < puzzle.n; cell++) {
    for (let value = 1; !state[cell] && value <= puzzle.d; value++) {
      state[cell] = value;
      if (!count(state, near, 1, BUDGET).count) state[cell] = 0;
    }
  }
  return state;
}
