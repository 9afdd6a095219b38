// Decoding beside the page, so that it never waits: a Web Worker (live/worker.ts) with promises and callbacks.
//
//   const live = new Live(new LiveWorker());            // import LiveWorker from "./worker?worker&inline"
//   await live.load("diffusion", card, model, wasm);    // ArrayBuffers, handed over; wasm the first time only
//   const run = live.decode("diffusion", puzzle, options, (step) => show(step));
//   run.stop();                                         // no further call begins
//   const { end, events, calls } = await run.done;

import type { End, Options, Step } from "../core/decode";
import type { Card } from "../core/network";
import type { Event, Puzzle } from "../core/problem";
import type { Reply, Request } from "./worker";

export interface Outcome {
  end: End | "stopped";
  events: Event[];
  calls: number;
}

export interface Run {
  done: Promise<Outcome>;
  stop(): void;
}

interface Waiting {
  step?: (step: Step) => void;
  resolve: (outcome: Outcome | null) => void;
  reject: (fault: Error) => void;
}

// What Live needs of a Worker.
export interface Port {
  postMessage(message: Request, transfer?: Transferable[]): void;
  addEventListener(type: "message", listener: (event: MessageEvent<Reply>) => void): void;
  addEventListener(type: "error", listener: (event: ErrorEvent) => void): void;
  terminate(): void;
}

export class Live {
  private waiting = new Map<number, Waiting>();
  private next = 1;
  private broken: Error | null = null; // why the worker answers no more

  constructor(private worker: Port) {
    worker.addEventListener("message", ({ data }) => this.hear(data));
    worker.addEventListener("error", ({ message }) => this.fail(new Error(message || "the worker does not start")));
  }

  // Load a network under a name. The buffers are handed over: they are empty afterwards.
  async load(net: string, card: Card, model: ArrayBuffer, wasm: ArrayBuffer | null = null): Promise<void> {
    await this.ask((id) => ({ type: "load", id, net, card, model, wasm }), wasm ? [model, wasm] : [model]).done;
  }

  // Decode a puzzle. net: null for no network. pause: milliseconds between calls.
  decode(net: string | null, puzzle: Puzzle, options: Options, step?: (step: Step) => void, pause = 0): Run {
    const { id, done } = this.ask((id) => ({ type: "decode", id, net, puzzle, options, pause }), [], step);
    return { done: done as Promise<Outcome>, stop: () => this.worker.postMessage({ type: "stop", id }) };
  }

  // End the worker; what is still running fails.
  close(): void {
    this.worker.terminate();
    this.fail(new Error("closed"));
  }

  private ask(request: (id: number) => Request, transfer: Transferable[], step?: (step: Step) => void) {
    const id = this.next++;
    const done = new Promise<Outcome | null>((resolve, reject) => this.waiting.set(id, { step, resolve, reject }));
    if (this.broken) this.fail(this.broken);
    else this.worker.postMessage(request(id), transfer);
    return { id, done };
  }

  private hear(reply: Reply): void {
    const waiting = this.waiting.get(reply.id);
    if (!waiting) return;
    if (reply.type === "step") {
      waiting.step?.(reply.step);
      return;
    }
    this.waiting.delete(reply.id);
    if (reply.type === "error") waiting.reject(new Error(reply.message));
    else waiting.resolve(reply.type === "end" ? { end: reply.end, events: reply.events, calls: reply.calls } : null);
  }

  private fail(fault: Error): void {
    this.broken = fault;
    for (const { reject } of this.waiting.values()) reject(fault);
    this.waiting.clear();
  }
}
