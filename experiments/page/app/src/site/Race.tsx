// Recorded decoders on their boards, side by side, with one thing to press.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { marksOf } from "../core/marks";
import { cellName, symbol } from "../core/names";
import type { Replay, TraceRecord, Unit } from "../core/replay";
import { Board } from "../ui/Board";
import { usePlaying } from "../ui/playing";
import { Scrubber } from "../ui/Scrubber";

export interface Raced {
  trace: TraceRecord & { name: string };
  replay: Replay;
}

interface Props {
  shown: string[];
  replays: Map<string, Raced>;
  unit: Unit;
  pace: number; // moments a second
  quickens?: boolean; // a long race is run faster as it goes on
  notes?: boolean; // show what the network believes of blank cells
  starts?: boolean; // play at once
  comesTo: string; // told when it has been played to its end
  table?: string[][]; // the same in figures: a head and rows
}

export function Race({ shown, replays, unit, pace, quickens = false, notes = false, starts = false, comesTo, table = [] }: Props): JSX.Element {
  const runs = shown.map((name) => replays.get(name)!);
  const span = Math.max(...runs.map(({ replay }) => replay.span(unit)));
  const [at, setAt] = useState(0);
  const [pad, setPad] = useState(notes);
  const [ended, setEnded] = useState(false);
  if (at >= span && !ended) setEnded(true);
  const player = usePlaying(
    at,
    span,
    (moment) => (quickens ? pace * Math.max(1, moment / 12) : pace),
    (moment) => setAt(Math.floor(moment)),
  );
  useEffect(() => {
    if (starts && !matchMedia("(prefers-reduced-motion: reduce)").matches) player.start();
  }, []);
  const move = (to: number) => {
    player.stop();
    setAt(Math.max(0, Math.min(span, to)));
  };
  return (
    <div class={`race ${shown.length === 1 ? "alone" : ""}`}>
      <div class={`boards of-${shown.length}`}>
        {runs.map(({ trace, replay }, place) => {
          const count = replay.eventsBy(at, unit);
          const marks = marksOf(replay, count);
          const over = count === replay.length;
          const first = trace.dead[0];
          const state = replay.state(count);
          return (
            <section class="column" key={trace.name} aria-label={trace.name}>
              {shown.length > 1 && <h2>{trace.name}</h2>}
              <Light replay={replay} count={count} />
              <Board puzzle={replay.puzzle} state={state} marks={marks} selected={null} label={`the board of ${trace.name}`} notes={pad ? (cell) => replay.believed(cell, count) : undefined} />
              <p class="count">{counts(replay, count)}{over && ENDS[trace.end] ? `. ${ENDS[trace.end]}` : ""}</p>
              {first !== undefined && over && (
                <p class="about">
                  From value {replay.commits[first + 1]} on no solution was possible{replay.alive(count) ? ", until it went back" : ""}: {cellName(replay.puzzle, replay.events[first][1])} took {symbol(replay.puzzle, replay.events[first][2])}
                  {trace.shows !== null && trace.shows > first ? `. It wrote ${replay.commits[trace.shows + 1] - replay.commits[first + 1]} more before anything showed` : ""}.
                  {trace.debt ? ` In the end ${trace.debt} of its values would have to go for a solution to be possible again.` : ""}
                </p>
              )}
              <p class="unseen" role={place === 0 && !player.playing ? "status" : undefined}>{count ? `${cellName(replay.puzzle, replay.events[count - 1][1])} ${replay.events[count - 1][2] ? `takes ${symbol(replay.puzzle, replay.events[count - 1][2])}` : "is taken back"}; ${LIVES[String(replay.alive(count))]}` : "nothing filled yet"}</p>
            </section>
          );
        })}
      </div>
      <div class="controls" role="group" aria-label="playing">
        <button type="button" class="main large" onClick={() => (player.playing ? player.stop() : player.start())}>{player.playing ? "❚❚ stop" : at >= span ? "▶ again" : "▶ play"}</button>
        <button type="button" onClick={() => move(at - 1)} aria-label="one step back">◂</button>
        <button type="button" onClick={() => move(at + 1)} aria-label="one step on">▸</button>
        {notes && (
          <label>
            <input type="checkbox" checked={pad} onChange={() => setPad(!pad)} /> what it believes of blank cells
          </label>
        )}
        <span class="count">{at} of {span} {unit === "commits" ? "values" : runs.every(({ replay }) => replay.record.tokens) ? unit : `${unit} or steps`}</span>
      </div>
      <Scrubber replays={runs.map(({ replay }) => replay)} names={shown} unit={unit} at={at} span={span} onMove={move} reveal={!ended} />
      {comesTo && (
        <div class={`comes-to ${ended ? "" : "waiting"}`}>
          {ended ? <p>{comesTo}</p> : <p>Play it to its end to see how often that happens.</p>}
          {ended && table.length > 0 && <Table rows={table} />}
          {ended && <small>In brackets: where the true share lies in 95 of 100 such experiments.</small>}
        </div>
      )}
    </div>
  );
}

function Table({ rows: [head, ...rows] }: { rows: string[][] }): JSX.Element {
  return (
    <table>
      <thead><tr>{head.map((cell) => <th key={cell} scope="col">{cell}</th>)}</tr></thead>
      <tbody>
        {rows.map(([name, ...cells]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            {cells.map((cell, place) => <td key={place}>{cell}</td>)}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

// Whether some solution extends the board, and whether anything shows that none does.
function Light({ replay, count }: { replay: Replay; count: number }): JSX.Element {
  const alive = replay.alive(count);
  if (alive === null) return <p class="light"><b>? too hard to tell</b></p>;
  const solved = count === replay.length && replay.record.end === "solved";
  if (alive) return <p class="light alive"><b>{solved ? "✓ solved" : "● a solution is left"}</b></p>;
  const signs = [": a rule is broken", ": a cell has no value left", ", and nothing shows it"];
  return <p class="light dead"><b>✕ no solution is left</b><span>{signs[replay.sign(count)]}</span></p>;
}

const LIVES: Record<string, string> = { true: "alive", false: "the board is lost", null: "too hard to tell" };

// Ends that the light does not tell.
const ENDS: Record<string, string> = {
  stuck: "It ended there: no value may be written",
  "out of budget": "Its budget ended there",
  refuted: "It has tried everything: the puzzle has no solution",
  stopped: "It was stopped there",
};

// What it cost so far: calls or steps, and values written and taken back, whose difference is what is on the board.
function counts(replay: Replay, count: number): string {
  const back = replay.events.slice(0, count).filter(([, , value]) => value === 0).length;
  const calls = count === replay.length ? replay.record.calls : count ? replay.events[count - 1][0] : 0;
  const one = calls === 1 ? "" : "s";
  const unit = replay.record.tokens ? `call${one} of the network` : `step${one}`;
  const takes = replay.events.some(([, , value]) => value === 0);
  return `${calls} ${unit}: ${replay.commits[count]} value${replay.commits[count] === 1 ? "" : "s"} written${takes ? `, ${back} taken back` : ""}`;
}
