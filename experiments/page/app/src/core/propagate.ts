// What the rules say at once, without search: legal values, single values, dead ends, and the solver's order.
// Ported from csp/difficulty/kernels.py (propagate), solvers/propagate.py (inspect) and solvers/solver_order.py.
//
//   const near = nearOf(puzzle);
//   const seen = inspect(assignment, near, LEVELS.propagate);      // seen.allowed[cell * d + value - 1]
//
// A domain is a number with bit v - 1 set while value v is left; d is at most 30.

import { neighbours, type Puzzle } from "./problem";

// Who must differ from whom; covers are scopes of d cells that hold each value once.
export interface Near {
  n: number;
  d: number;
  neighbours: number[][];
  covers: number[][];
}

export const LEVELS = { none: 0, legal: 0, propagate: 1, singles: 2 } as const;

// allowed: values that may be committed, n * d; clash: cells in conflict; inconsistent: the board cannot be right.
export interface Inspection {
  allowed: Uint8Array;
  clash: Uint8Array;
  inconsistent: boolean;
}

export function nearOf(puzzle: Puzzle): Near {
  return { n: puzzle.n, d: puzzle.d, neighbours: neighbours(puzzle), covers: puzzle.covers };
}

// How many bits are set.
export function size(bits: number): number {
  bits -= (bits >>> 1) & 0x55555555;
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return (((bits + (bits >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
}

// The values that an assignment leaves each cell before any rule is looked at.
export function domainsOf(assignment: ArrayLike<number>, d: number): Int32Array {
  const full = 2 ** d - 1;
  return Int32Array.from(assignment, (value) => (value ? 1 << (value - 1) : full));
}

// Naked and, if asked, hidden singles to a fixpoint, in place; false at a contradiction. fixed: cells whose value was
// taken from their neighbours already, so that a later call goes on where this one stopped.
export function propagate(domains: Int32Array, fixed: Uint8Array, near: Near, hidden: boolean): boolean {
  const full = 2 ** near.d - 1;
  for (let changed = true; changed; ) {
    changed = false;

    // Naked singles: a cell with one value left takes it, and its neighbours lose it.
    for (let cell = 0; cell < near.n; cell++) {
      const bits = domains[cell];
      if (bits === 0) return false;
      if (fixed[cell] || bits & (bits - 1)) continue;
      fixed[cell] = 1;
      for (const other of near.neighbours[cell]) {
        if (!(domains[other] & bits)) continue;
        domains[other] &= ~bits;
        if (domains[other] === 0) return false;
        changed = true;
      }
    }

    // Hidden singles cost more, so they wait until naked ones find nothing.
    if (changed || !hidden) continue;
    for (const cover of near.covers) {
      let once = 0; // values that have at least one place in the scope
      let twice = 0; // and at least two
      for (const cell of cover) {
        twice |= once & domains[cell];
        once |= domains[cell];
      }
      if (once !== full) return false;
      const single = once & ~twice;
      for (const cell of cover) {
        const only = domains[cell] & single;
        if (!only || only === domains[cell]) continue;
        if (only & (only - 1)) return false; // two values have this cell as their only place
        domains[cell] = only;
        changed = true;
      }
    }
  }
  return true;
}

// level 0: a value is allowed unless a neighbour holds it; 1: nor if naked singles find a contradiction once it is
// committed; 2: the same with hidden singles. Where the board as it stands is contradictory, allowed is level 0's.
export function inspect(assignment: ArrayLike<number>, near: Near, level: number): Inspection {
  const { n, d } = near;
  const allowed = new Uint8Array(n * d).fill(1);
  const clash = new Uint8Array(n);
  let inconsistent = false;
  for (let cell = 0; cell < n; cell++) {
    for (const other of near.neighbours[cell]) {
      const value = assignment[other];
      if (!value) continue;
      allowed[cell * d + value - 1] = 0;
      if (value === assignment[cell]) clash[cell] = 1;
    }
    const none = allowed.indexOf(1, cell * d);
    if (clash[cell] || (!assignment[cell] && (none < 0 || none >= (cell + 1) * d))) inconsistent = true;
  }
  if (level === 0 || inconsistent) return { allowed, clash, inconsistent };

  // The board as it stands, once: every look ahead goes on from there.
  const domains = domainsOf(assignment, d);
  const fixed = new Uint8Array(n);
  if (!propagate(domains, fixed, near, level > 1)) return { allowed, clash, inconsistent: true };

  // Look ahead: commit each value that is left to each blank cell, and propagate again. Where one value is left its
  // consequences are drawn already.
  for (let cell = 0; cell < n; cell++) {
    if (assignment[cell] || !near.neighbours[cell].length) continue;
    const several = domains[cell] & (domains[cell] - 1);
    let left = 0;
    for (let value = 0; value < d; value++) {
      const bit = 1 << value;
      if (!(domains[cell] & bit)) {
        allowed[cell * d + value] = 0;
      } else if (several) {
        const scratch = domains.slice();
        scratch[cell] = bit;
        allowed[cell * d + value] = propagate(scratch, fixed.slice(), near, level > 1) ? 1 : 0;
      }
      left += allowed[cell * d + value];
    }
    if (!left) inconsistent = true;
  }
  return { allowed, clash, inconsistent };
}

// How soon a person would fill each blank cell, lowest first: no legal value, a naked single, a hidden single, then by
// number of legal values; among equals most blank neighbours. Ranks of committed cells mean nothing.
export function solverRank(assignment: ArrayLike<number>, near: Near): Int32Array {
  const step = near.n + 1; // above any number of blank neighbours
  const full = 2 ** near.d - 1;
  const ranks = new Int32Array(near.n);
  const left = new Int32Array(near.n);
  for (let cell = 0; cell < near.n; cell++) {
    let bits = full;
    let blank = 0;
    for (const other of near.neighbours[cell]) {
      if (assignment[other]) bits &= ~(1 << (assignment[other] - 1));
      else blank++;
    }
    left[cell] = bits;
    ranks[cell] = (size(bits) < 2 ? size(bits) : size(bits) + 1) * step - blank;
  }
  for (const cover of near.covers) {
    let once = 0;
    let twice = 0;
    for (const cell of cover) {
      const bits = assignment[cell] ? 1 << (assignment[cell] - 1) : left[cell];
      twice |= once & bits;
      once |= bits;
    }
    for (const cell of cover) {
      // Above 2 steps: neither a naked single nor a hidden one already, which would be moved twice.
      if (!assignment[cell] && left[cell] & once & ~twice && ranks[cell] > 2 * step)
        ranks[cell] -= (size(left[cell]) - 1) * step;
    }
  }
  return ranks;
}
