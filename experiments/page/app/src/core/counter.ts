// How many solutions extend an assignment, exactly: depth-first search over bitmasks, singles to a fixpoint at each
// state, then the cell with the fewest values left, or the value with the fewest places.
//
//   countSolutions(assignment, near, 2)      // 0, 1, or 2 = two or more
//   alive(assignment, near)                  // whether there is one at all
//
// A count with a budget may end undecided; it says so.

import { domainsOf, propagate, size, type Near } from "./propagate";

// count: solutions found, at most the limit. exact: whether the search ended before the budget did.
export interface Count {
  count: number;
  exact: boolean;
}

// budget: most values tried at branchings.
export function count(assignment: ArrayLike<number>, near: Near, limit: number, budget = Infinity): Count {
  const { n } = near;
  let found = 0;
  let tried = 0;
  const stack = [{ domains: domainsOf(assignment, near.d), fixed: new Uint8Array(n) }];
  while (stack.length) {
    const { domains, fixed } = stack.pop()!;
    if (!propagate(domains, fixed, near, true)) continue;

    const choices = branching(domains, fixed, near);
    if (!choices) {
      if (++found >= limit) return { count: found, exact: true };
      continue;
    }
    if (tried >= budget) return { count: found, exact: false };
    tried += choices.length;
    for (const { cell, bit } of choices.reverse()) {
      const next = domains.slice();
      next[cell] = bit;
      stack.push({ domains: next, fixed: fixed.slice() });
    }
  }
  return { count: found, exact: true };
}

// What to try: the values of the cell with the fewest left, or the places of a value in a scope where it has fewer.
// Each solution takes exactly one of them. Null if every cell is settled.
function branching(domains: Int32Array, fixed: Uint8Array, near: Near): { cell: number; bit: number }[] | null {
  let best = -1;
  let fewest = near.d + 1;
  for (let cell = 0; cell < near.n && fewest > 2; cell++) {
    if (fixed[cell]) continue;
    const left = size(domains[cell]);
    if (left < fewest) [best, fewest] = [cell, left];
  }
  if (best < 0) return null;

  // Two places are the fewest that singles leave.
  let scope: number[] | null = null;
  let value = 0;
  for (const cover of fewest > 2 ? near.covers : []) {
    let once = 0;
    let twice = 0;
    let thrice = 0;
    for (const cell of cover) {
      thrice |= twice & domains[cell];
      twice |= once & domains[cell];
      once |= domains[cell];
    }
    const pair = twice & ~thrice;
    if (!pair) continue;
    [scope, value] = [cover, pair & -pair];
    break;
  }
  if (scope) return scope.filter((cell) => domains[cell] & value).map((cell) => ({ cell, bit: value }));
  const values = Array.from({ length: near.d }, (_, own) => 1 << own);
  return values.filter((bit) => domains[best] & bit).map((bit) => ({ cell: best, bit }));
}

// Exact up to the limit, however long it takes.
export function countSolutions(assignment: ArrayLike<number>, near: Near, limit: number): number {
  return count(assignment, near, limit).count;
}

// Whether some solution extends the assignment.
export function alive(assignment: ArrayLike<number>, near: Near): boolean {
  return countSolutions(assignment, near, 1) > 0;
}
