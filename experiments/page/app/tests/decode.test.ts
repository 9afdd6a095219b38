import { expect, test } from "vitest";
import { uniform } from "../src/core/csprng";
import { Decode, type Options, type Prediction, Uniform } from "../src/core/decode";
import { rounded } from "../src/core/network";
import { Live, type Port } from "../src/live/client";
import type { Reply, Request } from "../src/live/worker";
import { graph, grid } from "./live_boards";

async function run(options: Partial<Options>, puzzle = grid(4, "1..............2")) {
  const all = { order: "raster", veto: "legal", retraction: "none", calls: 100, ...options } as Options;
  const decode = new Decode(puzzle, new Uniform(puzzle.d), all);
  const steps = [];
  for await (const step of decode.steps()) steps.push(step);
  return { decode, steps };
}

test("numbers are those of csp/seeds.py", () => {
  expect(uniform(12345n, 2, 7, 35)).toBe(0.33998194588201774); // of np.uint64(12345)
  expect(uniform(2n ** 64n - 1n, 0)).toBe(0.8939429202831846);
});

test("depth-first search with a veto solves a 4x4 and logs what it took back", async () => {
  const { decode, steps } = await run({ retraction: "depth" });
  expect(decode.end).toBe("solved");
  expect(steps.length).toBe(decode.calls);
  expect(steps.flatMap((step) => step.events)).toEqual(decode.events);
  expect(steps.at(-1)!.end).toBe("solved");
});

test("a puzzle without solution is refuted; without retraction it is stuck", async () => {
  const triangle = graph(3, 2, [[0, 1], [1, 2], [0, 2]]);
  expect((await run({ retraction: "depth" }, triangle)).decode.end).toBe("refuted");
  expect((await run({ retraction: "best-first" }, triangle)).decode.end).toBe("refuted");
  expect((await run({}, triangle)).decode.end).toBe("stuck");
  expect((await run({ veto: "none" }, triangle)).decode.end).toBe("wrong");
});

test("a budget ends the run; a search must have one", async () => {
  expect((await run({ calls: 3, retraction: "depth" })).decode.end).toBe("out of budget");
  await expect(run({ calls: 0, retraction: "depth" })).rejects.toThrow("budget");
});

test("probabilities are those that the veto leaves", async () => {
  const { steps } = await run({ order: "fewest" });
  const cell = steps[0].events[0][1];
  const own = [...steps[0].probabilities.subarray(cell * 4, cell * 4 + 4)];
  expect(own.reduce((a, b) => a + b)).toBeCloseTo(1);
  expect(own.filter((p) => p > 0).every((p) => p === own.find((q) => q > 0))).toBe(true);
});

test("equal confidences go to the lowest cell and value", async () => {
  const flat = {
    async predict(state: number[]): Promise<Prediction> {
      return { logProbs: new Float64Array(state.length * 2), speaks: Uint8Array.from(state, (v) => (v ? 0 : 1)) };
    },
  };
  const options: Options = { order: "confidence", veto: "none", retraction: "none", calls: 0 };
  const decode = new Decode(graph(2, 2, [[0, 1]]), flat, options);
  expect((await decode.step()).events).toEqual([[1, 0, 1]]);
});

test("answers are rounded to four decimals, halves to even, and sum to one before that", () => {
  const own = rounded(Float32Array.from([Math.log(0.5), Math.log(0.25), Math.log(0.25)]));
  expect([...own]).toEqual([-0.6931, -1.3863, -1.3863]);
});

test("the client hands steps on, and tells the worker to stop", async () => {
  const sent: Request[] = [];
  let hear: (event: MessageEvent<Reply>) => void = () => {};
  const port: Port = {
    postMessage: (message) => void sent.push(message),
    addEventListener: (type: string, listener: never) => void (type === "message" && (hear = listener)),
    terminate: () => {},
  };
  const live = new Live(port);
  const steps: number[] = [];
  const options: Options = { order: "raster", veto: "none", retraction: "none", calls: 0 };
  const going = live.decode(null, grid(4), options, (step) => steps.push(step.call));
  const say = (reply: Reply) => hear({ data: reply } as MessageEvent<Reply>);
  say({ type: "step", id: 1, step: { call: 1 } as never });
  going.stop();
  say({ type: "end", id: 1, end: "stopped", events: [], calls: 1 });
  expect(await going.done).toEqual({ end: "stopped", events: [], calls: 1 });
  expect(steps).toEqual([1]);
  expect(sent.map((message) => message.type)).toEqual(["decode", "stop"]);
  const broken = live.decode("none such", grid(4), options);
  say({ type: "error", id: 2, message: "no network" });
  await expect(broken.done).rejects.toThrow("no network");
});
