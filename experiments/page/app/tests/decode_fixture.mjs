// What the page's decoder and counter say of puzzles that tests/experiments/test_page_live.py writes:
//
//   node tests/decode_fixture.mjs fixture.json answers.json
//
// fixture: { networks: { name: { path, card } }, decodes: [{ net, puzzle, options }], states: [{ puzzle, states }],
//            related: [puzzle] },
// net null for the uniform model, options.key a decimal string.
// answers: { traces: [{ events, end }], alive: [[bool]], codes: [n * n relation codes] }.

import { readFile, writeFile } from "node:fs/promises";
import { close, core, WASM } from "./load_core.mjs";

const [input, output] = process.argv.slice(2);
const fixture = JSON.parse(await readFile(input, "utf8"));
const { Decode, Uniform } = await core("decode");
const { configure, Network } = await core("network");
const { nearOf } = await core("propagate");
const { alive } = await core("counter");
const { relationCodes } = await core("tokens");

// A network that answers a question it has had before from memory: decoders of one puzzle begin alike.
function remembering(network) {
  const answers = new Map();
  return {
    async predict(assignment, commitOrder, wanted) {
      const question = JSON.stringify([assignment, commitOrder, wanted && [...wanted]]);
      if (!answers.has(question)) answers.set(question, await network.predict(assignment, commitOrder, wanted));
      const { logProbs, speaks } = answers.get(question);
      return { logProbs: logProbs.slice(), speaks: speaks.slice() };
    },
  };
}

configure(await readFile(WASM));
const networks = {};
const models = {}; // by network and puzzle
const traces = [];
for (const { net, puzzle, options } of fixture.decodes) {
  if (net && !networks[net]) {
    const { path, card } = fixture.networks[net];
    networks[net] = await Network.open(await readFile(path), card, puzzle);
  }
  const both = JSON.stringify([net, puzzle]);
  models[both] ??= net ? remembering(networks[net].on(puzzle)) : new Uniform(puzzle.d);
  const model = models[both];
  const run = new Decode(puzzle, model, { ...options, key: BigInt(options.key ?? 0) });
  for await (const step of run.steps()) void step;
  traces.push({ events: run.events, end: run.end });
}
const answers = fixture.states.map(({ puzzle, states }) => {
  const near = nearOf(puzzle);
  return states.map((state) => alive(state, near));
});
const codes = fixture.related.map((puzzle) => Array.from(relationCodes(puzzle)));
await writeFile(output, JSON.stringify({ traces, alive: answers, codes }));
await close();
