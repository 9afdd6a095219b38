// Milliseconds of a network's calls by onnxruntime-web, for benchmarks/live_decoding.py:
//
//   node tests/time_calls.mjs fixture.json      # { path, card, decodes: [{ puzzle, options }] }; prints JSON
//
// milliseconds: of each call's answer; wall: of each decoding, its calls and all that is between them.

import { readFile } from "node:fs/promises";
import { close, core, WASM } from "./load_core.mjs";

const { path, card, decodes } = JSON.parse(await readFile(process.argv[2], "utf8"));
const { Decode } = await core("decode");
const { configure, Network } = await core("network");

configure(await readFile(WASM));
const network = await Network.open(await readFile(path), card, decodes[0].puzzle);
const milliseconds = [];
const wall = [];
for (const [number, { puzzle, options }] of [decodes[0], ...decodes].entries()) {
  const run = new Decode(puzzle, network.on(puzzle), options);
  const started = performance.now();
  const own = [];
  for await (const step of run.steps()) own.push(step.milliseconds);
  if (number === 0) continue; // compiled and warm only after the first
  wall.push(performance.now() - started);
  milliseconds.push(own);
}
console.log(JSON.stringify({ milliseconds, wall }));
await close();
