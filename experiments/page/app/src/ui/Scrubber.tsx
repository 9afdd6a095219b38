// Where in time the boards are: a slider, and above it marks of what happened when.
import type { JSX } from "preact";
import type { Replay, Unit } from "../core/replay";
import { short } from "../core/names";

interface Mark {
  at: number;
  kind: "dead" | "shows" | "back" | "solved";
  said: string;
}

export function marksInTime(replay: Replay, unit: Unit): Mark[] {
  const { record } = replay;
  const found: Mark[] = record.dead.map((event) => ({ at: replay.momentOf(event, unit), kind: "dead", said: "lost" }));
  if (record.shows !== null) found.push({ at: replay.momentOf(record.shows, unit), kind: "shows", said: "it shows" });
  let before = false;
  replay.events.forEach(([, , value], event) => {
    const back = value === 0;
    if (back && !before) found.push({ at: replay.momentOf(event, unit), kind: "back", said: "taken back" });
    before = back;
  });
  if (record.end === "solved") found.push({ at: replay.span(unit), kind: "solved", said: "solved" });
  return found;
}

const SIGNS = { dead: "✕", shows: "!", back: "↶", solved: "✓" };

interface Props {
  replays: Replay[];
  names: string[];
  unit: Unit;
  at: number;
  span: number;
  onMove: (at: number) => void;
}

export function Scrubber({ replays, names, unit, at, span, onMove }: Props): JSX.Element {
  const step = unit === "flops" ? Math.max(span / 200, 1) : 1;
  return (
    <div class="scrubber">
      {replays.map((replay, place) => (
        <div class="track" key={place}>
          <span class="track-name">{names[place]}</span>
          <div class="track-line">
            <div class="track-whole" style={{ width: `${(100 * replay.span(unit)) / Math.max(span, 1)}%` }} />
            {thinned(marksInTime(replay, unit), span).map((mark, number) => (
              <button
                key={number}
                type="button"
                tabIndex={-1}
                class={`mark ${mark.kind}`}
                style={{ left: `${(100 * mark.at) / Math.max(span, 1)}%` }}
                title={`${mark.said} at ${short(mark.at)} ${unit}`}
                aria-label={`${names[place]}: ${mark.said} at ${short(mark.at)} ${unit}`}
                onClick={() => onMove(mark.at)}
              >
                {SIGNS[mark.kind]}
              </button>
            ))}
            <div class="now" style={{ left: `${(100 * at) / Math.max(span, 1)}%` }} />
          </div>
        </div>
      ))}
      <input
        type="range"
        min={0}
        max={span}
        step={step}
        value={at}
        aria-label={`moment, in ${unit}`}
        aria-valuetext={`${short(at)} of ${short(span)} ${unit}`}
        onInput={(event) => onMove(Number(event.currentTarget.value))}
      />
    </div>
  );
}

// Of marks that would cover each other the first stands for all; a search may take back hundreds of times.
function thinned(marks: Mark[], span: number): Mark[] {
  const taken = new Set<string>();
  return marks.filter((mark) => {
    const key = `${mark.kind}${Math.round((60 * mark.at) / Math.max(span, 1))}`;
    if (taken.has(key)) return false;
    taken.add(key);
    return true;
  });
}
