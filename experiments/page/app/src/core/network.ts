// A network that `takeback export` wrote, run by onnxruntime-web: one thread, its program and the weights as bytes.
//
//   configure(wasm);                                           // once
//   const network = await Network.open(bytes, card, puzzle);
//   await network.predict(assignment, commitOrder, null);      // a Model of core/decode.ts
//
// Each call reads the whole text: 36 tokens cost less than the bookkeeping of a cache.

import * as ort from "onnxruntime-web/wasm";
import type { Model, Prediction } from "./decode";
import type { Puzzle } from "./problem";
import { causal, inPlace, relationCodes, type Sight, type Text } from "./tokens";

// Of a network's card: kind, and how many cells it knows (the id of "no cell").
export interface Card {
  kind: Kind;
  cells: number;
}

const SIGHTS = {
  diffusion: { workspace: "live", reading: "anew" },
  "diffusion-raster": { workspace: "live", reading: "anew" },
  "diffusion-blind": { workspace: "none", reading: "anew" },
  "diffusion-causal": { workspace: "live", reading: "cached" },
} satisfies Record<string, Sight>;
const CAUSAL = ["ar", "ar-random", "ar-solver"] as const;
export type Kind = keyof typeof SIGHTS | (typeof CAUSAL)[number];

// Decimals of answers (generators/models/inference.py): coarser than float32's noise, so that ties fall as in Python.
const GRID = 1e4;

// The program of onnxruntime-web, as bytes: nothing is fetched.
export function configure(wasm: ArrayBuffer | Uint8Array): void {
  ort.env.wasm.wasmBinary = wasm as ArrayBuffer;
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.proxy = false;
}

export class Network implements Model {
  private codes: ArrayLike<number>;

  private constructor(
    private session: ort.InferenceSession,
    private card: Card,
    private puzzle: Puzzle,
  ) {
    this.codes = relationCodes(puzzle);
  }

  static async open(model: ArrayBuffer | Uint8Array, card: Card, puzzle: Puzzle): Promise<Network> {
    const session = await ort.InferenceSession.create(new Uint8Array(model), { executionProviders: ["wasm"] });
    return new Network(session, card, puzzle);
  }

  // The same network on another puzzle.
  on(puzzle: Puzzle): Network {
    return new Network(this.session, this.card, puzzle);
  }

  async predict(assignment: number[], commitOrder: number[], wanted: Uint8Array | null): Promise<Prediction> {
    const { n, d, givens } = this.puzzle;
    const { kind } = this.card;
    let asked = assignment.flatMap((value, cell) => (!value && (!wanted || wanted[cell]) ? [cell] : []));
    let text: Text;
    let first = 0; // the first token that answers
    if (kind in SIGHTS) {
      text = inPlace(assignment, commitOrder, this.codes, SIGHTS[kind as keyof typeof SIGHTS]);
    } else {
      // The raster network speaks about the first blank cell alone, and has read what is before it in raster order.
      const committed = assignment.flatMap((value, cell) => (value && !givens[cell] ? [cell] : []));
      if (kind === "ar") asked = [assignment.indexOf(0)];
      else committed.sort((a, b) => commitOrder[a] - commitOrder[b]);
      text = causal(assignment, givens, committed, asked, this.codes, d);
      first = text.m - asked.length;
    }

    const answers = await this.run(text);
    const logProbs = new Float64Array(n * d);
    const speaks = new Uint8Array(n);
    asked.forEach((cell, place) => {
      const token = kind in SIGHTS ? cell : first + place;
      logProbs.set(rounded(answers.subarray(token * d, token * d + d)), cell * d);
      speaks[cell] = 1;
    });
    return { logProbs, speaks };
  }

  // Log-probabilities of each token's target, m * d.
  private async run(text: Text): Promise<Float32Array> {
    const { m } = text;
    const { cells: known } = this.card;
    const ids = (cells: number[]) => cells.map((cell) => (cell === this.puzzle.n ? known : cell % known));
    const { log_probs } = await this.session.run({
      values: longs(text.values, [1, m]),
      cells: longs(ids(text.cells), [1, m]),
      targets: longs(ids(text.targets), [1, m]),
      related: longs(text.related, [1, m, m]),
      blocked: new ort.Tensor("bool", text.blocked, [1, m, m]),
    });
    return log_probs.data as Float32Array;
  }
}

// Numbers from 0 to 2^31 - 1 as a tensor of 64-bit integers: their low halves are written, on little-endian machines as
// WebAssembly is; no BigInts are made.
function longs(numbers: ArrayLike<number>, shape: number[]): ort.Tensor {
  const halves = new Int32Array(2 * numbers.length);
  for (let place = 0; place < numbers.length; place++) halves[2 * place] = numbers[place];
  return new ort.Tensor("int64", new BigInt64Array(halves.buffer), shape);
}

// Log-probabilities that sum to 1 in float64, at four decimals; halves go to the even neighbour, as numpy's do.
export function rounded(logProbs: Float32Array): Float64Array {
  const top = logProbs.reduce((a, b) => Math.max(a, b), -Infinity);
  const total = top + Math.log(logProbs.reduce((sum, own) => sum + Math.exp(own - top), 0));
  return Float64Array.from(logProbs, (own) => {
    const scaled = (own - total) * GRID;
    const whole = Math.round(scaled);
    return (Math.abs(scaled % 1) === 0.5 && whole % 2 ? whole - 1 : whole) / GRID;
  });
}
