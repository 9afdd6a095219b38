// Recorded decoders on their boards, side by side, with one thing to press.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { marksOf } from "../core/marks";
import { cellName, short, symbol } from "../core/names";
import type { Replay, Unit } from "../core/replay";
import { Board } from "../ui/Board";
import { usePlaying } from "../ui/playing";
import { Scrubber } from "../ui/Scrubber";
import type { NamedTrace } from "./Story";

interface Props {
  shown: string[];
  replays: Map<string, { trace: NamedTrace; replay: Replay }>;
  unit: Unit;
  pace: number; // moments a second
  quickens?: boolean; // a long race is run faster as it goes on
  notes?: boolean; // show what the network believes of blank cells
}

export function Race({ shown, replays, unit, pace, quickens = false, notes = false }: Props): JSX.Element {
  const runs = shown.map((name) => replays.get(name)!);
  const span = Math.max(...runs.map(({ replay }) => replay.span(unit)));
  const [at, setAt] = useState(0);
  const [pad, setPad] = useState(notes);
  const player = usePlaying(
    at,
    span,
    (moment) => (quickens ? pace * Math.max(1, moment / 12) : pace),
    (moment) => setAt(Math.floor(moment)),
  );
  const move = (to: number) => {
    player.stop();
    setAt(Math.max(0, Math.min(span, to)));
  };
  return (
    <div class="race">
      <div class={`boards of-${shown.length}`}>
        {runs.map(({ trace, replay }, place) => {
          const count = replay.eventsBy(at, unit);
          const marks = marksOf(replay, count);
          const alive = replay.alive(count);
          const over = count === replay.length;
          const first = trace.dead[0];
          const state = replay.state(count);
          return (
            <section class="column" key={trace.name} aria-label={trace.name}>
              {shown.length > 1 && <h2>{trace.name}</h2>}
              <p class={`light ${alive ? "alive" : "dead"}`}>
                <b>{alive ? (over && trace.end === "solved" ? "✓ solved" : "● alive") : "✕ lost"}</b>
                {alive === false && <span> {replay.sign(count) === 2 ? "and nothing shows it" : "and it shows"}</span>}
              </p>
              <Board puzzle={replay.puzzle} state={state} marks={marks} selected={null} label={`the board of ${trace.name}`} notes={pad ? (cell) => replay.believed(cell, count) : undefined} />
              <p class="count">
                {Math.min(Math.floor(at), trace.calls)} calls{count < replay.length ? "" : " in all"}; {replay.events.slice(0, count).filter(([, , value]) => value === 0).length} taken back
              </p>
              {first !== undefined && over && (
                <p class="about">
                  First lost at commit {replay.commits[first + 1]}, when {cellName(replay.puzzle, replay.events[first][1])} took {symbol(replay.puzzle, replay.events[first][2])}
                  {trace.shows !== null && trace.shows > first ? `; it went on for ${replay.commits[trace.shows + 1] - replay.commits[first + 1]} commits before anything showed` : ""}.
                  {trace.debt ? ` In the end ${trace.debt} values must go for a solution to exist.` : ""}
                </p>
              )}
              <p class="unseen" role={place === 0 && !player.playing ? "status" : undefined}>{count ? `${cellName(replay.puzzle, replay.events[count - 1][1])} ${replay.events[count - 1][2] ? `takes ${symbol(replay.puzzle, replay.events[count - 1][2])}` : "is taken back"}; ${alive ? "alive" : "the board is lost"}` : "nothing filled yet"}</p>
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
        <span class="count">{short(at)} of {short(span)} {unit}</span>
      </div>
      <Scrubber replays={runs.map(({ replay }) => replay)} names={shown} unit={unit} at={at} span={span} onMove={move} />
    </div>
  );
}
