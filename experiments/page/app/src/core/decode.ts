// The decode loop of generators/decoding/loop.py for one board, one cell a call, at temperature 0: the same events.
//
//   const run = new Decode(puzzle, model, { order: "confidence", veto: "legal", retraction: "depth", calls: 200 });
//   for await (const step of run.steps()) show(step);      // a step a call; run.end says how it ended
//
// A state is inspected once after every change: a board that shows a dead end costs no further call.

import { uniform } from "./csprng";
import { type Event, type Puzzle } from "./problem";
import { inspect, LEVELS, type Inspection, type Near, nearOf, solverRank } from "./propagate";
import { type Rule, Tree } from "./search_tree";

export type Order = "raster" | "random" | "fewest" | "solver" | "confidence";
export type Veto = keyof typeof LEVELS;
export type Retraction = "none" | Rule;
export type End = "solved" | "wrong" | "stuck" | "out of budget" | "refuted";

// calls: after so many no call begins (0: no limit, which depth and best-first do not take). key: of order=random, as
// generators/boards.py, `stack`, makes it, or any number.
export interface Options {
  order: Order;
  veto: Veto;
  retraction: Retraction;
  calls: number;
  key?: bigint;
}

// What a model says: log-probabilities of values 1..d of each cell, n * d, and of which cells it speaks.
export interface Prediction {
  logProbs: Float64Array;
  speaks: Uint8Array;
}

// commitOrder: the later a commit the higher, 0 = given or blank. wanted: the cells asked about; null: all blank ones.
export interface Model {
  predict(assignment: number[], commitOrder: number[], wanted: Uint8Array | null): Promise<Prediction>;
}

// One call. probabilities: after the veto, n * d, 0 where the model does not speak. events: what was committed and what
// was taken back after it; assignment: the board after them. milliseconds: of the model's answer.
export interface Step {
  call: number;
  probabilities: Float64Array;
  speaks: Uint8Array;
  events: Event[];
  assignment: number[];
  milliseconds: number;
  end: End | null;
}

const CELL = 2; // the purpose of order=random's numbers (generators/decoding/state.py)
const SMALLEST = 1e-300; // what a sum of probabilities is at least taken for

// No network: every value is equally likely.
export class Uniform implements Model {
  constructor(private d: number) {}

  async predict(assignment: number[]): Promise<Prediction> {
    const logProbs = new Float64Array(assignment.length * this.d).fill(-Math.log(this.d));
    return { logProbs, speaks: Uint8Array.from(assignment, (value) => (value ? 0 : 1)) };
  }
}

export class Decode {
  readonly events: Event[] = [];
  readonly assignment: number[];
  readonly near: Near;
  end: End | null = null;
  calls = 0;
  private commitOrder: number[];
  private seen: Inspection;
  private tree: Tree | null;

  constructor(
    private puzzle: Puzzle,
    private model: Model,
    private options: Options,
  ) {
    if (options.retraction !== "none" && options.calls < 1)
      throw new Error(`retraction=${options.retraction} needs a budget of calls`);
    this.near = nearOf(puzzle);
    this.assignment = puzzle.givens.slice();
    this.commitOrder = new Array(puzzle.n).fill(0);
    this.tree = options.retraction === "none" ? null : new Tree();
    this.seen = this.inspected();
    if (this.full()) this.end = "solved"; // a board without blanks is solved before any call
    else this.review(false);
  }

  // Calls until the board is finished, or whoever reads the steps stops.
  async *steps(): AsyncGenerator<Step> {
    while (this.end === null) yield await this.step();
  }

  // One call, what it commits, and what is taken back after it.
  async step(): Promise<Step> {
    const { n, d } = this.puzzle;
    const before = this.events.length;
    const priority = this.priorityBefore();
    const wanted = priority && this.wanted(priority);
    const started = performance.now();
    const { logProbs, speaks } = await this.model.predict(this.assignment, this.commitOrder, wanted);
    const milliseconds = performance.now() - started;
    this.calls++;

    // A value for every cell, and the probabilities that the veto leaves.
    const probabilities = new Float64Array(n * d);
    const confidence = new Float64Array(n);
    const values = new Int32Array(n); // 0: nothing may be committed there
    for (let cell = 0; cell < n; cell++)
      if (speaks[cell]) this.choose(cell, logProbs, probabilities, confidence, values);

    // The cell of highest priority, the lowest among equals.
    const rank = priority ?? confidence;
    let best = -1;
    for (let cell = 0; cell < n; cell++)
      if (values[cell] && (!wanted || wanted[cell]) && (best < 0 || rank[cell] > rank[best])) best = cell;
    if (best >= 0) {
      this.commitOrder[best] = Math.max(...this.commitOrder) + 1;
      this.write(best, values[best]);
      this.tree?.grow(best, values[best], probabilities.subarray(best * d, best * d + d));
    }
    this.seen = this.inspected();
    this.review(best < 0);
    const events = this.events.slice(before);
    const assignment = this.assignment.slice();
    return { call: this.calls, probabilities, speaks, events, assignment, milliseconds, end: this.end };
  }

  private choose(
    cell: number,
    logProbs: Float64Array,
    probabilities: Float64Array,
    confidence: Float64Array,
    values: Int32Array,
  ): void {
    const { d } = this.puzzle;
    let top = -Infinity;
    for (let value = 0; value < d; value++) {
      const place = cell * d + value;
      if (this.allowed(place) && logProbs[place] > top) [top, values[cell]] = [logProbs[place], value + 1];
    }
    if (!values[cell]) return;
    let sum = 0;
    for (let place = cell * d; place < (cell + 1) * d; place++) {
      probabilities[place] = this.allowed(place) ? Math.exp(logProbs[place] - top) : 0;
      sum += probabilities[place];
    }
    for (let place = cell * d; place < (cell + 1) * d; place++) probabilities[place] /= Math.max(sum, SMALLEST);
    confidence[cell] = probabilities[cell * d + values[cell] - 1];
  }

  // Without a veto nothing is ruled out, though legal values are known.
  private allowed(place: number): boolean {
    return this.options.veto === "none" || this.seen.allowed[place] === 1;
  }

  // Each cell's priority by orders that need no answer of the model; null for confidence.
  private priorityBefore(): ArrayLike<number> | null {
    const { n, d } = this.puzzle;
    const cells = Array.from({ length: n }, (_, cell) => cell);
    switch (this.options.order) {
      case "raster":
        return cells.map((cell) => -cell);
      case "random":
        return cells.map((cell) => uniform(this.options.key ?? 0n, CELL, this.calls, cell));
      case "fewest":
        return cells.map((cell) => -this.seen.allowed.subarray(cell * d, cell * d + d).reduce((a, b) => a + b, 0));
      case "solver":
        return solverRank(this.assignment, this.near).map((rank) => -rank);
    }
    return null;
  }

  // The blank cell of highest priority.
  private wanted(priority: ArrayLike<number>): Uint8Array {
    const wanted = new Uint8Array(this.puzzle.n);
    let best = -1;
    for (let cell = 0; cell < this.puzzle.n; cell++)
      if (!this.assignment[cell] && (best < 0 || priority[cell] > priority[best])) best = cell;
    wanted[best] = 1;
    return wanted;
  }

  private inspected(): Inspection {
    const seen = inspect(this.assignment, this.near, LEVELS[this.options.veto]);
    return this.options.veto === "none" ? { ...seen, inconsistent: false } : seen;
  }

  private full(): boolean {
    return !this.assignment.includes(0);
  }

  // End a board that is right, lost for good or out of budget; take back from one that is lost. What was taken back may
  // leave it lost still: it is reviewed again, at no call.
  private review(stalled: boolean): void {
    const { retraction, calls } = this.options;
    for (;;) {
      const full = this.full();
      const wrong = this.seen.clash.includes(1);
      const spent = calls > 0 && this.calls >= calls;
      const lost = (full && wrong) || this.seen.inconsistent || stalled;
      if (full && !wrong) this.end = "solved";
      else if (lost && !spent && retraction !== "none") {
        const path = this.tree!.go(retraction);
        if (path) {
          this.restore(path);
          this.seen = this.inspected();
          stalled = false;
          continue;
        }
        this.end = "refuted";
      } else if (spent && (retraction !== "none" || !lost)) this.end = "out of budget";
      else if (lost) this.end = full ? "wrong" : "stuck";
      return;
    }
  }

  // Turn the board into the one with those commits: what differs is taken back, last first, then committed anew.
  private restore(path: { cell: number; value: number }[]): void {
    const next = this.puzzle.givens.slice();
    for (const { cell, value } of path) next[cell] = value;
    const differs = this.assignment.flatMap((value, cell) => (value && value !== next[cell] ? [cell] : []));
    differs.sort((a, b) => this.commitOrder[b] - this.commitOrder[a]);
    for (const cell of differs) this.write(cell, 0);
    for (const { cell, value } of path) if (this.assignment[cell] !== value) this.write(cell, value);
    this.commitOrder.fill(0);
    path.forEach(({ cell }, place) => (this.commitOrder[cell] = place + 1));
  }

  private write(cell: number, value: number): void {
    this.assignment[cell] = value;
    this.events.push([this.calls, cell, value]);
  }
}
