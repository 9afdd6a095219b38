// A trace as it was recorded, and what the board is after any number of its events.
//
//   const replay = new Replay(puzzle, record);
//   replay.state(12);            // values after 12 events
//   replay.alive(12);            // what the oracle said of that state; null where it was left undecided
import type { Event, Puzzle } from "./problem";

// As experiments/page/payload.py writes it.
export interface TraceRecord {
  decoder: number;
  puzzle: number;
  end: string;
  calls: number;
  tokens: number;
  flops: number;
  events: number[]; // call, cell, value, call, cell, value, ...
  alive: number[] | null; // the events that turned the board dead, or alive again
  dead: number[]; // those that turned it dead
  shows: number | null; // the event after which the first dead end shows
  core: number[]; // commits that cannot stand together at the first dead end
  detector: string | null;
  debt: number | null; // of the last state
  said?: Record<string, number[]>[]; // at each call: percent of each value of each cell that the network spoke of
  signs?: number[]; // state, sign, state, sign, ...: 0 a broken rule, 1 a blank cell without a value, 2 neither
  hopeless?: boolean; // the puzzle itself has no solution
}

export type Unit = "calls" | "commits" | "flops";

export class Replay {
  readonly events: Event[] = [];
  readonly commits: number[] = [0]; // commits made by each state

  constructor(
    readonly puzzle: Puzzle,
    readonly record: TraceRecord,
  ) {
    const flat = record.events;
    for (let at = 0; at < flat.length; at += 3) {
      this.events.push([flat[at], flat[at + 1], flat[at + 2]]);
      this.commits.push(this.commits[this.commits.length - 1] + (flat[at + 2] > 0 ? 1 : 0));
    }
  }

  get length(): number {
    return this.events.length;
  }

  // Values after the first `count` events.
  state(count: number): number[] {
    const values = this.puzzle.givens.slice();
    for (let place = 0; place < count; place++) values[this.events[place][1]] = this.events[place][2];
    return values;
  }

  // Whether some solution extends the state after `count` events.
  alive(count: number): boolean | null {
    if (this.record.alive === null) return null;
    if (this.record.hopeless) return false;
    const turns = this.record.alive.filter((event) => event < count).length;
    return turns % 2 === 0;
  }

  // What shows in that state: 0 a broken rule, 1 a blank cell without a value, 2 neither.
  sign(count: number): number {
    const signs = this.record.signs ?? [0, 2];
    let sign = 2;
    for (let at = 0; at < signs.length && signs[at] <= count; at += 2) sign = signs[at + 1];
    return sign;
  }

  // How many events have happened by a moment, measured in calls, commits or FLOPs.
  eventsBy(moment: number, unit: Unit): number {
    if (unit === "commits") {
      let count = 0;
      while (count < this.length && this.commits[count + 1] <= moment) count++;
      // what is taken back after the last of these commits belongs to the next moment
      while (count > 0 && this.commits[count] === this.commits[count - 1] && moment > 0) count--;
      return moment >= this.commits[this.length] ? this.length : count;
    }
    const calls = unit === "calls" ? moment : (moment / Math.max(this.record.flops, 1)) * this.record.calls;
    let count = 0;
    while (count < this.length && this.events[count][0] <= calls + 1e-9) count++;
    return count;
  }

  // The last moment, in that unit.
  span(unit: Unit): number {
    if (unit === "commits") return this.commits[this.length];
    return unit === "calls" ? Math.max(this.record.calls, this.length ? this.events[this.length - 1][0] : 0) : this.record.flops;
  }

  // When an event happened, in that unit.
  momentOf(event: number, unit: Unit): number {
    if (unit === "commits") return this.commits[event + 1];
    const call = this.events[event][0];
    return unit === "calls" ? call : (call / Math.max(1, this.record.calls)) * this.record.flops;
  }

  // What the network says of a cell in that state, as shares: its answer at the next call, or at the last one.
  believed(cell: number, count: number): number[] | null {
    const said = this.record.said;
    if (!said?.length) return null;
    const call = count > 0 ? this.events[count - 1][0] : 0;
    return said[Math.min(call, said.length - 1)][cell]?.map((percent) => percent / 100) ?? null;
  }

  // What happened at a cell up to a state, first to last.
  history(cell: number, count: number): { event: number; call: number; value: number }[] {
    const found = [];
    for (let place = 0; place < count; place++) {
      const [call, where, value] = this.events[place];
      if (where === cell) found.push({ event: place, call, value });
    }
    return found;
  }
}
