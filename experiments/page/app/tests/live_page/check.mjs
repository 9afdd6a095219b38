// The worker in a real browser, on a page that was opened as a file: it loads a network from bytes, decodes, stops, and
// says what is wrong; nothing is fetched. CHROMIUM is the browser's path.
//
//   CHROMIUM=/usr/bin/chromium node tests/live_page/check.mjs fixture.json     # { path, card, puzzle, options }
//
// Prints JSON: events, end, stopped, fault, milliseconds, requests (all but the page and its worker).

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { build } from "vite";
import { WASM } from "../load_core.mjs";

const folder = await mkdtemp(join(tmpdir(), "live-page-"));
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
await build({
  root: here("."),
  configFile: here("../../vite.config.ts"),
  logLevel: "error",
  build: { outDir: folder, emptyOutDir: true, rollupOptions: { input: here("index.html") } },
});
const { path, card, puzzle, options } = JSON.parse(await readFile(process.argv[2], "utf8"));
const [model, wasm] = await Promise.all([path, WASM].map(async (file) => (await readFile(file)).toString("base64")));

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
const page = await browser.newPage();
const requests = [];
page.on("request", (request) => requests.push(request.url()));
await page.goto(pathToFileURL(join(folder, "index.html")).href);
const answer = await page.evaluate(
  async ({ model, wasm, card, puzzle, options }) => {
    const bytes = (text) => Uint8Array.from(atob(text), (symbol) => symbol.charCodeAt(0)).buffer;
    await live.load("net", card, bytes(model), bytes(wasm));
    const milliseconds = [];
    const run = live.decode("net", puzzle, options, (step) => milliseconds.push(step.milliseconds));
    const { events, end } = await run.done;
    const short = live.decode("net", puzzle, options, (step) => step.call === 2 && short.stop());
    const stopped = (await short.done).end;
    const fault = await live.decode("no such net", puzzle, options).done.catch(({ message }) => message);
    return { events, end, stopped, fault, milliseconds };
  },
  { model, wasm, card, puzzle, options },
);
const foreign = requests.filter((address) => !address.startsWith("file:") && !address.startsWith("blob:"));
console.log(JSON.stringify({ ...answer, requests: foreign }));
await browser.close();
await rm(folder, { recursive: true });
