// A puzzle of one's own, decoded by the networks that lie in the page: type, paste, draw or open it, choose decoders,
// watch them. The fragment holds puzzle and decoders: a link brings them back.
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { judge, MANY, verdict } from "../core/judge";
import { conflicts, type Marks } from "../core/marks";
import { cellName } from "../core/names";
import type { Puzzle } from "../core/problem";
import { Replay } from "../core/replay";
import { board, contradiction, read as readPuzzle, SIDES, valueOf, write } from "../core/sudoku";
import { Race, type Raced } from "../site/Race";
import { Board } from "../ui/Board";
import type { Run } from "./client";
import { Chooser } from "./Chooser";
import type { Networks } from "./networks";
import { type Choice, called, fitting, read as readChoice, spell, UNIFORM } from "./spelling";

export interface LiveData {
  examples: { name: string; givens: string }[];
  networks: { kind: string; side: number; about: string; cells: number }[];
  story: string; // the page that it stands beside
}

const MOST = 3; // decoders side by side
const PLAIN = ["diffusion:order=confidence", "diffusion:order=confidence,veto=legal,retraction=best-first,calls=200"];
const QUIET: Marks = { latest: null, back: false, killer: null, core: [], clash: [], empty: [], dead: false };

export function Try({ data, networks }: { data: LiveData; networks: Networks }): JSX.Element {
  const kinds = data.networks.map(({ kind }) => kind);
  const first = useMemo(() => fromLink(data, kinds), []);
  const [text, setText] = useState(first.text);
  const [choices, setChoices] = useState<Choice[]>(first.choices);
  const [selected, setSelected] = useState<number | null>(null);
  const [done, setDone] = useState<{ number: number; shown: string[]; replays: Map<string, Raced> } | null>(null);
  const [busy, setBusy] = useState("");
  const [fault, setFault] = useState("");
  const runs = useRef<Run[]>([]);
  const round = useRef(0);

  // What the text comes to; the board shows the last text that was a puzzle.
  const seen = useMemo(() => reading(text), [text]);
  const last = useRef<Puzzle>(board(6));
  const puzzle = (last.current = seen.puzzle ?? last.current);
  const side = puzzle.shape!.side;
  const able = new Set([UNIFORM, ...data.networks.filter((one) => one.side === side).map(({ kind }) => kind)]);

  const change = (to: string) => {
    for (const run of runs.current) run.stop();
    round.current++;
    setText(to);
    setDone(null);
    setBusy("");
    setFault("");
    setSelected(null);
  };
  const put = (cell: number, value: number) => {
    const givens = puzzle.givens.slice();
    givens[cell] = value;
    change(write(givens, side));
    setSelected(cell);
  };
  const choose = (place: number, to: Choice) => setChoices(choices.map((one, other) => (other === place ? fitting(to) : one)));
  const open = async (input: HTMLInputElement) => {
    const file = input.files?.[0];
    if (file) change(await file.slice(0, 100_000).text());
    input.value = ""; // so that the same file, edited, can be opened again
  };
  useEffect(() => {
    if (seen.puzzle) history.replaceState(null, "", toLink(seen.puzzle, choices));
  }, [text, choices]);

  // What will be asked for is loaded before; a fault is told when it is asked for.
  useEffect(() => {
    for (const { net } of choices) if (net !== UNIFORM && able.has(net)) networks.load(net).catch(() => {});
  }, [choices, side]);

  // A digit goes into the selected cell.
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (selected === null || event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName)) return;
      const value = valueOf(event.key, side);
      if (value === null) return;
      put(selected, value);
      event.preventDefault();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });

  const start = async () => {
    const number = ++round.current;
    const used = choices.map((choice) => (able.has(choice.net) ? choice : { ...choice, net: UNIFORM }));
    setDone(null);
    setFault("");
    setBusy("loading the networks ...");
    try {
      for (const { net } of used) if (net !== UNIFORM) await networks.load(net);
      const calls = used.map(() => 0);
      const said: Record<number, number[]>[][] = used.map(() => []);
      runs.current = used.map((choice, place) =>
        networks.live.decode(choice.net === UNIFORM ? null : choice.net, { ...puzzle, solution: undefined }, choice, (step) => {
          calls[place] = step.call;
          said[place].push(spoken(puzzle, step.probabilities, step.speaks));
          if (number === round.current) setBusy(`decoding: ${calls.join(", ")} calls`);
        }),
      );
      const outcomes = await Promise.all(runs.current.map((run) => run.done));
      if (number !== round.current) return;
      const shown = used.map((choice, place) => `${place + 1}. ${called(choice)}`);
      const replays = new Map(
        outcomes.map(({ end, events, calls: spent }, place) => {
          const record = { ...judge(puzzle, events, end, spent), tokens: used[place].net === UNIFORM ? 0 : 1, said: used[place].net === UNIFORM ? undefined : said[place] };
          return [shown[place], { trace: { ...record, name: shown[place] }, replay: new Replay(puzzle, record) }] as const;
        }),
      );
      setDone({ number, shown, replays });
    } catch (problem) {
      if (number === round.current) setFault(problem instanceof Error ? problem.message : String(problem));
    }
    if (number === round.current) setBusy("");
  };
  const stop = () => runs.current.forEach((run) => run.stop());

  const marks = { ...QUIET, ...conflicts(puzzle, puzzle.givens) };
  return (
    <main class="live">
      <h1>Your own puzzle</h1>
      <p class="says">Type or paste one, or click a cell and press a value. Decoders then try it here, in this page; nothing is sent anywhere. <a href={data.story}>Back to the story</a></p>
      <section class="editor" aria-label="the puzzle">
        <div class={seen.fault ? "stale" : ""}>
          <Board puzzle={puzzle} state={puzzle.givens} marks={marks} selected={selected} label="the puzzle" onSelect={setSelected} />
        </div>
        <div class="beside">
          <p class={`status ${seen.fault || seen.lost ? "dead" : "alive"}`} role="status">{seen.fault ? `✕ ${seen.fault}` : `${seen.lost ? "✕" : "●"} ${seen.about}`}</p>
          {selected !== null && <Pad puzzle={puzzle} cell={selected} put={put} />}
          <label class="text">
            the puzzle as text: 4, 6 or 9 lines of as many symbols, or all in one line; . is blank
            <textarea rows={Math.min(9, side)} spellcheck={false} value={text} onInput={(event) => change(event.currentTarget.value)} />
          </label>
          <div class="controls">
            <label>
              an example
              <select value="" onChange={(event) => change(data.examples[Number(event.currentTarget.value)].givens)}>
                <option value="" disabled>choose ...</option>
                {data.examples.map(({ name }, place) => <option key={name} value={place}>{name}</option>)}
              </select>
            </label>
            <label>
              an empty board
              <select value="" onChange={(event) => change(write(board(Number(event.currentTarget.value)).givens, Number(event.currentTarget.value)))}>
                <option value="" disabled>of side ...</option>
                {SIDES.filter((one) => one <= 16).map((one) => <option key={one}>{one}</option>)}
              </select>
            </label>
            <label class="file">
              a file <input type="file" accept=".txt,.sdk,.sdm,text/plain" onChange={(event) => void open(event.currentTarget)} />
            </label>
          </div>
        </div>
      </section>

      <h2>Decoders</h2>
      <div class="choosers">
        {choices.map((choice, place) => (
          <Chooser
            key={place}
            number={place + 1}
            choice={choice}
            networks={data.networks}
            side={side}
            onChange={(to) => choose(place, to)}
            onClose={choices.length > 1 ? () => setChoices(choices.filter((_, other) => other !== place)) : undefined}
          />
        ))}
        {choices.length < MOST && (
          <button type="button" class="add" onClick={() => setChoices([...choices, fitting({ ...choices[choices.length - 1], retraction: "best-first", calls: 200 })])}>
            + another decoder
          </button>
        )}
      </div>
      <div class="controls">
        {busy ? <button type="button" class="large" onClick={stop}>❚❚ stop</button> : <button type="button" class="main large" disabled={!!seen.fault} onClick={() => void start()}>▶ decode</button>}
        <span class="count" role="status">{busy}</span>
        {fault && <p class="status dead" role="alert">✕ {fault}</p>}
      </div>
      {done && <Race key={done.number} shown={done.shown} replays={done.replays} unit="calls" pace={3} quickens notes starts comesTo="" />}
      <details class="claim">
        <summary>The same in a terminal</summary>
        <p>The page and <code>takeback</code> do the same, event by event; the project's tests say so. <code>takeback decoders</code> explains each word.</p>
        <code class="line">{`takeback ceiling --puzzles puzzle.txt --decoders ${choices.map((choice) => `'${spell(choice)}'`).join(" ")}`}</code>
      </details>
    </main>
  );
}

// Values to press, for those without a keyboard.
function Pad({ puzzle, cell, put }: { puzzle: Puzzle; cell: number; put: (cell: number, value: number) => void }): JSX.Element {
  return (
    <div class="digits" role="group" aria-label={`a given for ${cellName(puzzle, cell)}`}>
      {Array.from({ length: puzzle.d }, (_, place) => (
        <button key={place} type="button" onClick={() => put(cell, place + 1)}>{write([place + 1], 1)}</button>
      ))}
      <button type="button" onClick={() => put(cell, 0)}>blank</button>
    </div>
  );
}

interface Reading {
  puzzle: Puzzle | null;
  fault: string; // why it is no puzzle
  about: string; // what is to be said of the puzzle
  lost: boolean; // it has no solution
}

function reading(text: string): Reading {
  try {
    const { puzzle, more } = readPuzzle(text);
    const against = contradiction(puzzle);
    const givens = puzzle.givens.filter(Boolean).length;
    const only = more ? ", the first of several in this text" : "";
    if (against) return { puzzle, fault: "", about: `${givens} givens${only}; no solution: ${against}`, lost: true };
    const { count, exact } = verdict(puzzle);
    const many = count === 0 ? "no solution" : count === 1 ? "one solution" : count >= MANY ? `${MANY} solutions or more` : `${count} solutions`;
    const said = exact ? many : `${count ? `${count} solutions or more` : "solutions are not known"}: too many boards to search`;
    return { puzzle, fault: "", about: `${givens} givens${only}; ${said}`, lost: exact && count === 0 };
  } catch (problem) {
    return { puzzle: null, fault: problem instanceof Error ? problem.message : String(problem), about: "", lost: false };
  }
}

// What a network said at a call: percent of each value, of the cells that it spoke of.
function spoken(puzzle: Puzzle, probabilities: Float64Array, speaks: Uint8Array): Record<number, number[]> {
  const said: Record<number, number[]> = {};
  speaks.forEach((spoke, cell) => {
    if (spoke) said[cell] = Array.from(probabilities.subarray(cell * puzzle.d, (cell + 1) * puzzle.d), (share) => 100 * share);
  });
  return said;
}

function toLink(puzzle: Puzzle, choices: Choice[]): string {
  const words = new URLSearchParams({ puzzle: write(puzzle.givens, puzzle.shape!.side).replaceAll("\n", "-") });
  for (const choice of choices) words.append("decoder", spell(choice));
  return `#${words}`;
}

// What the fragment says; anything odd in it is passed over.
function fromLink(data: LiveData, kinds: string[]): { text: string; choices: Choice[] } {
  const words = new URLSearchParams(location.hash.slice(1));
  const choices = (words.has("decoder") ? words.getAll("decoder") : PLAIN).map((one) => readChoice(one, kinds)).filter((one) => one !== null);
  const uniform = fitting({ net: UNIFORM, order: "raster", veto: "legal", retraction: "depth", calls: 0 });
  return {
    text: words.get("puzzle")?.replaceAll("-", "\n") ?? data.examples[1].givens,
    choices: choices.length ? choices.slice(0, MOST) : [uniform],
  };
}
