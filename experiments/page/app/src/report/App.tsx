// The player and, below it, the run's figures.
import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { fromFragment, toFragment, type View } from "../core/link";
import { marksOf } from "../core/marks";
import { cellName, DETECTORS, short, SIGNS, symbol } from "../core/names";
import { Replay, type Unit } from "../core/replay";
import { Board } from "../ui/Board";
import { usePlaying } from "../ui/playing";
import { Scrubber } from "../ui/Scrubber";
import { Figures } from "./Figures";
import type { Payload } from "./payload";
import { Survival } from "./Survival";

const OUTCOMES: Record<string, (replay: Replay) => boolean> = {
  "solved, never lost": (r) => r.record.end === "solved" && r.record.dead.length === 0,
  "lost, solved all the same": (r) => r.record.end === "solved" && r.record.dead.length > 0,
  "lost, not solved": (r) => r.record.end !== "solved" && r.record.dead.length > 0,
  "not solved": (r) => r.record.end !== "solved",
};
const SPEEDS = [0.5, 1, 2, 5, 20];
const UNITS: Record<Unit, string> = { calls: "calls", commits: "commits", flops: "FLOPs" };

export function App({ payload }: { payload: Payload }): JSX.Element {
  const replays = useMemo(() => payload.traces.map((record) => new Replay(payload.puzzles[record.puzzle], record)), [payload]);
  const byPlace = useMemo(() => new Map(replays.map((replay) => [`${replay.record.decoder} ${replay.record.puzzle}`, replay])), [replays]);
  const plain = useMemo(() => firstView(payload, replays), [payload]);
  const [view, setView] = useState<View>(() => fromFragment(location.hash, plain, payload.puzzles.length, payload.decoders.length));
  const [speed, setSpeed] = useState(1);
  const [pad, setPad] = useState(true);
  const spoken = payload.traces.some((trace) => trace.said);
  const change = (part: Partial<View>) => setView((before) => ({ ...before, ...part }));

  // The link says the view, and a link that is opened later is followed.
  useEffect(() => history.replaceState(null, "", toFragment(view)), [view]);
  useEffect(() => {
    const follow = () => setView(fromFragment(location.hash, plain, payload.puzzles.length, payload.decoders.length));
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);

  const shown = view.show.map((decoder) => byPlace.get(`${decoder} ${view.puzzle}`)).filter((one): one is Replay => one !== undefined);
  const names = shown.map((replay) => payload.decoders[replay.record.decoder].name);
  const span = Math.max(1, ...shown.map((replay) => replay.span(view.unit)));
  const at = Math.min(view.at, span);
  const puzzle = payload.puzzles[view.puzzle];

  const whole = (moment: number) => (view.unit === "flops" || moment >= span ? moment : Math.floor(moment));
  const player = usePlaying(at, span, () => speed * (view.unit === "flops" ? span / 30 : 3), (moment) => change({ at: whole(moment) }));

  const step = (by: number) => {
    player.stop();
    change({ at: Math.max(0, Math.min(span, view.unit === "flops" ? at + (by * span) / 60 : Math.round(at) + by)) });
  };
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName)) return;
      const does: Record<string, () => void> = {
        " ": () => (player.playing ? player.stop() : player.start()),
        ArrowRight: () => step(1),
        ArrowLeft: () => step(-1),
        Home: () => change({ at: 0 }),
        End: () => change({ at: span }),
        n: () => pick(1),
        p: () => pick(-1),
      };
      if (event.key === " " && target.tagName === "BUTTON") return; // the button's own
      if (!does[event.key]) return;
      does[event.key]();
      event.preventDefault();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });

  // The puzzles that the filters leave, and the way from one to the next.
  const strata = [...new Set(payload.puzzles.map((one) => one.stratum ?? ""))].filter(Boolean);
  const fitting = payload.puzzles
    .map((_, place) => place)
    .filter((place) => !view.stratum || payload.puzzles[place].stratum === view.stratum)
    .filter((place) => {
      const judged = OUTCOMES[view.outcome];
      const first = byPlace.get(`${view.show[0]} ${place}`);
      return !judged || (first !== undefined && judged(first));
    });
  const pick = (by: number) => {
    if (!fitting.length) return;
    const where = fitting.indexOf(view.puzzle);
    const next = where < 0 ? 0 : (where + by + fitting.length) % fitting.length;
    change({ puzzle: fitting[next], at: 0, cell: null });
  };
  const filter = (part: Partial<View>) => change({ ...part, at: 0, cell: null });
  useEffect(() => {
    if (fitting.length && !fitting.includes(view.puzzle)) change({ puzzle: fitting[0], at: 0, cell: null });
  }, [view.stratum, view.outcome]);

  return (
    <main>
      <header>
        <h1>{payload.title}</h1>
        <details open={innerWidth > 700}>
        <summary>what this is</summary>
        {payload.line && <code class="line">{payload.line}</code>}
        <p class="about">
          {payload.puzzles.length} puzzles, {payload.decoders.length} decoders, {payload.traces.length} traces
          {payload["left out"] > 0 ? ` (${payload["left out"]} more were left out of this page)` : ""}; takeback {payload.version}
          {payload.seed !== null ? `, seed ${payload.seed}` : ""}. A board is <b class="word alive">● alive</b> while some solution
          extends it, and <b class="word dead">✕ lost</b> from the commit on that ends that. An exact oracle says so; the decoders do not know.
        </p>
        </details>
      </header>

      <div class="controls" role="group" aria-label="which puzzle">
        <label>
          puzzle
          <select value={view.puzzle} onChange={(event) => change({ puzzle: Number(event.currentTarget.value), at: 0, cell: null })}>
            {(fitting.includes(view.puzzle) ? fitting : [view.puzzle, ...fitting]).map((place) => (
              <option key={place} value={place}>
                {place + 1}: {payload.puzzles[place].stratum === null ? "" : `${payload.puzzles[place].guesses} guesses`}
              </option>
            ))}
          </select>
        </label>
        <button type="button" onClick={() => pick(-1)} title="the puzzle before (p)">◂ before</button>
        <button type="button" onClick={() => pick(1)} title="the next puzzle (n)">next ▸</button>
        {strata.length > 1 && (
          <label>
            guesses needed
            <select value={view.stratum} onChange={(event) => filter({ stratum: event.currentTarget.value })}>
              <option value="">any</option>
              {strata.map((name) => <option key={name}>{name}</option>)}
            </select>
          </label>
        )}
        <label>
          outcome of {names[0] ?? "the first decoder"}
          <select value={view.outcome} onChange={(event) => filter({ outcome: event.currentTarget.value })}>
            <option value="">any outcome</option>
            {Object.keys(OUTCOMES).map((name) => <option key={name}>{name}</option>)}
          </select>
        </label>
        <span class="count">{fitting.length} puzzle{fitting.length === 1 ? "" : "s"} fit</span>
      </div>

      <div class={`boards of-${shown.length}`}>
        {view.show.map((decoder, column) => (
          <Column
            key={column}
            payload={payload}
            replay={byPlace.get(`${decoder} ${view.puzzle}`)}
            decoder={decoder}
            unit={view.unit}
            at={at}
            cell={view.cell}
            onCell={(cell) => change({ cell: cell === view.cell ? null : cell })}
            onDecoder={(other) => change({ show: view.show.map((one, place) => (place === column ? other : one)) })}
            onClose={view.show.length > 1 ? () => change({ show: view.show.filter((_, place) => place !== column) }) : undefined}
            live={column === 0 && !player.playing}
            pad={pad}
          />
        ))}
      </div>
      {view.show.length < Math.min(4, payload.decoders.length) && (
        <button type="button" class="add" onClick={() => change({ show: [...view.show, another(payload, view.show)] })}>
          + compare with another decoder
        </button>
      )}

      <div class="player">
        <Scrubber replays={shown} names={names} unit={view.unit} at={at} span={span} onMove={(moment) => (player.stop(), change({ at: moment }))} />
        <div class="controls" role="group" aria-label="playing">
          <button type="button" onClick={() => step(-1)} title="one back (←)" aria-label="one step back">◂</button>
          <button type="button" class="main" onClick={() => (player.playing ? player.stop() : player.start())} title="play or stop (space)">{player.playing ? "❚❚ stop" : "▶ play"}</button>
          <button type="button" onClick={() => step(1)} title="one on (→)" aria-label="one step on">▸</button>
          <label>
            speed
            <select value={speed} onChange={(event) => setSpeed(Number(event.currentTarget.value))}>
              {SPEEDS.map((one) => <option key={one} value={one}>{one} x</option>)}
            </select>
          </label>
          <label>
            in step by
            <select value={view.unit} onChange={(event) => (player.stop(), change({ unit: event.currentTarget.value as Unit, at: 0 }))}>
              {Object.entries(UNITS).map(([unit, name]) => <option key={unit} value={unit}>{name}</option>)}
            </select>
          </label>
          {spoken && (
            <label>
              <input type="checkbox" checked={pad} onChange={() => setPad(!pad)} /> what it believes of blank cells
            </label>
          )}
          <span class="count">{short(at)} of {short(span)} {UNITS[view.unit]}</span>
        </div>
      </div>

      {view.cell !== null && view.cell < puzzle.n && <History payload={payload} replays={shown} names={names} cell={view.cell} unit={view.unit} at={at} />}
      <Figures payload={payload} onPick={(decoder) => decoder >= 0 && change({ show: [decoder, ...view.show.slice(1)] })} />
      <Survival payload={payload} replays={replays} shown={view.show} />
    </main>
  );
}

// A puzzle where the decoders differ, if there is one: the first fails and another solves.
function firstView(payload: Payload, replays: Replay[]): View {
  const show = payload.decoders.map((_, place) => place).slice(0, 2);
  const solved = new Set(replays.filter((replay) => replay.record.end === "solved").map((r) => `${r.record.decoder} ${r.record.puzzle}`));
  const telling = payload.puzzles.findIndex((_, place) => !solved.has(`0 ${place}`) && solved.has(`1 ${place}`));
  return { puzzle: Math.max(0, telling), show, unit: "calls", at: 0, cell: null, stratum: "", outcome: "" };
}

function another(payload: Payload, shown: number[]): number {
  const left = payload.decoders.findIndex((_, place) => !shown.includes(place));
  return Math.max(0, left);
}

interface ColumnProps {
  payload: Payload;
  replay: Replay | undefined;
  decoder: number;
  unit: Unit;
  at: number;
  cell: number | null;
  onCell: (cell: number) => void;
  onDecoder: (decoder: number) => void;
  onClose?: () => void;
  live: boolean;
  pad: boolean;
}

// One decoder's board, and what is to be said of it now.
function Column({ payload, replay, decoder, unit, at, cell, onCell, onDecoder, onClose, live, pad }: ColumnProps): JSX.Element {
  const head = (
    <div class="column-head">
      <select value={decoder} aria-label="decoder" onChange={(event) => onDecoder(Number(event.currentTarget.value))}>
        {payload.decoders.map((one, place) => <option key={place} value={place}>{one.name}</option>)}
      </select>
      {onClose && <button type="button" onClick={onClose} aria-label="close this board">×</button>}
    </div>
  );
  const about = payload.decoders[decoder].about || payload.decoders[decoder].spec;
  if (!replay) return <section class="column">{head}<p class="about">no trace of this puzzle</p></section>;
  const count = replay.eventsBy(at, unit);
  const marks = marksOf(replay, count);
  const alive = replay.alive(count);
  const { record, puzzle } = replay;
  const over = count === replay.length;
  const filled = replay.state(count).filter((value, place) => value && !puzzle.givens[place]).length;
  const blanks = puzzle.givens.filter((value) => value === 0).length;
  const first = record.dead[0];
  return (
    <section class="column" aria-label={payload.decoders[decoder].name}>
      {head}
      <p class="about">{about}</p>
      <p class={`status ${alive === null ? "" : alive ? "alive" : "dead"}`}>
        {alive === null ? "undecided" : alive ? (over && record.end === "solved" ? "✓ solved" : "● alive") : "✕ lost"}
        <span>{!alive && SIGNS[replay.sign(count)] ? `: ${SIGNS[replay.sign(count)]}` : alive === false ? ": nothing shows it yet" : ""}</span>
      </p>
      <Board puzzle={puzzle} state={replay.state(count)} marks={marks} selected={cell} label={`the board of ${payload.decoders[decoder].name}`} onSelect={onCell} notes={pad && replay.record.said ? (where) => replay.believed(where, count) : undefined} />
      <dl>
        <div><dt>filled</dt><dd>{filled} of {blanks}</dd></div>
        <div><dt>calls</dt><dd>{count ? replay.events[count - 1][0] : 0} of {record.calls}</dd></div>
        <div><dt>taken back</dt><dd>{replay.events.slice(0, count).filter(([, , value]) => value === 0).length}</dd></div>
        {first !== undefined && count > first && (
          <div><dt>first lost</dt><dd>commit {replay.commits[first + 1]}: {cellName(puzzle, replay.events[first][1])} takes {symbol(puzzle, replay.events[first][2])}{record.detector ? `; ${DETECTORS[record.detector]}` : ""}</dd></div>
        )}
        {over && <div><dt>ended</dt><dd>{record.end}{record.debt ? `; ${record.debt} cell${record.debt > 1 ? "s" : ""} must be blanked for a solution to exist` : ""}</dd></div>}
      </dl>
      {live && <p class="unseen" role="status">{said(replay, count)}</p>}
    </section>
  );
}

// The last event in words, for a screen reader.
function said(replay: Replay, count: number): string {
  if (count === 0) return "nothing filled yet";
  const [, cell, value] = replay.events[count - 1];
  const what = value ? `takes ${symbol(replay.puzzle, value)}` : "is taken back";
  const before = replay.alive(count - 1);
  const now = replay.alive(count);
  const turned = before === now ? "" : now ? "; the board is alive again" : "; the board is now lost";
  return `${cellName(replay.puzzle, cell)} ${what}${turned}`;
}

interface HistoryProps {
  payload: Payload;
  replays: Replay[];
  names: string[];
  cell: number;
  unit: Unit;
  at: number;
}

// What happened at a cell so far, decoder by decoder.
function History({ payload, replays, names, cell, unit, at }: HistoryProps): JSX.Element {
  const puzzle = payload.puzzles[replays[0]?.record.puzzle ?? 0];
  return (
    <section class="history" aria-label="history of a cell">
      <h2>{cellName(puzzle, cell)}</h2>
      {puzzle.givens[cell] > 0 && <p>given: {symbol(puzzle, puzzle.givens[cell])}</p>}
      {puzzle.solution && <p>in the only solution: {symbol(puzzle, puzzle.solution[cell])}</p>}
      {replays.map((replay, place) => {
        const count = replay.eventsBy(at, unit);
        const events = replay.history(cell, count);
        const believed = replay.believed(cell, count);
        return (
          <p key={place}>
            <b>{names[place]}</b>: {events.length ? events.map(({ call, value }) => `call ${call}: ${value ? symbol(puzzle, value) : "taken back"}`).join(", ") : "nothing yet"}
            {believed && (
              <span class="bars" role="img" aria-label={believed.map((share, value) => `${symbol(puzzle, value + 1)} ${Math.round(100 * share)} %`).join(", ")}>
                {believed.map((share, value) => (
                  <span key={value}>
                    <i style={{ height: `${Math.max(2, 44 * share)}px` }} />
                    {symbol(puzzle, value + 1)}
                    <small>{Math.round(100 * share)}</small>
                  </span>
                ))}
              </span>
            )}
          </p>
        );
      })}
    </section>
  );
}
