// A Web Worker that decodes: live/client.ts speaks with it. All bytes come by message; it fetches nothing.
//
//   load     a network's bytes, and those of onnxruntime's program (once)
//   decode   a puzzle with options; a "step" message a call, then "end"
//   stop     no further call begins; "end" follows

import { Decode, type Model, type Options, type End, type Step, Uniform } from "../core/decode";
import { type Card, configure, Network } from "../core/network";
import type { Event, Puzzle } from "../core/problem";

// net: a loaded network's name, or null: no network, every value is equally likely.
export type Request =
  | { type: "load"; id: number; net: string; card: Card; model: ArrayBuffer; wasm: ArrayBuffer | null }
  | { type: "decode"; id: number; net: string | null; puzzle: Puzzle; options: Options; pause: number }
  | { type: "stop"; id: number };

export type Reply =
  | { type: "loaded"; id: number }
  | { type: "step"; id: number; step: Step }
  | { type: "end"; id: number; end: End | "stopped"; events: Event[]; calls: number }
  | { type: "error"; id: number; message: string };

const networks = new Map<string, Network>();
const running = new Set<number>(); // ids of decodings that go on
const NOTHING: Puzzle = { id: "", n: 0, d: 1, givens: [], edges: [], covers: [] };

function say(reply: Reply): void {
  postMessage(reply);
}

// A pause, in which messages (stop) are read.
function pause(milliseconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, milliseconds));
}

async function decode(request: Request & { type: "decode" }): Promise<void> {
  const { id, net, puzzle, options } = request;
  const network = net === null ? null : networks.get(net);
  if (network === undefined) throw new Error(`no network ${net} is loaded`);
  const model: Model = network ? network.on(puzzle) : new Uniform(puzzle.d);
  const run = new Decode(puzzle, model, options);
  running.add(id);
  for await (const step of run.steps()) {
    say({ type: "step", id, step });
    await pause(request.pause);
    if (!running.has(id)) break;
  }
  say({ type: "end", id, end: run.end ?? "stopped", events: run.events, calls: run.calls });
  running.delete(id);
}

async function answer(request: Request): Promise<void> {
  if (request.type === "load") {
    if (request.wasm) configure(request.wasm);
    networks.set(request.net, await Network.open(request.model, request.card, NOTHING));
    say({ type: "loaded", id: request.id });
  } else if (request.type === "decode") {
    await decode(request);
  } else {
    running.delete(request.id);
  }
}

addEventListener("message", ({ data }: MessageEvent<Request>) => {
  answer(data).catch((fault: unknown) => {
    say({ type: "error", id: data.id, message: fault instanceof Error ? fault.message : String(fault) });
  });
});
