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
  const found: Mark[] = record.dead.map((event) => ({ at: replay.momentOf(event, unit), kind: "dead", said: SAID.dead }));
  if (record.shows !== null) found.push({ at: replay.momentOf(record.shows, unit), kind: "shows", said: SAID.shows });
  let before = false;
  replay.events.forEach(([, , value], event) => {
    const back = value === 0;
    if (back && !before) found.push({ at: replay.momentOf(event, unit), kind: "back", said: SAID.back });
    before = back;
  });
  if (record.end === "solved") found.push({ at: replay.span(unit), kind: "solved", said: SAID.solved });
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
  reveal?: boolean; // marks of what is still to come are hidden
}

const SAID = { dead: "no solution is left", shows: "it shows: a rule is broken, or a cell has no value left", back: "taken back", solved: "solved" };

export function Scrubber({ replays, names, unit, at, span, onMove, reveal = false }: Props): JSX.Element {
  // Where one search takes a hundred times as long as another, each doubling gets as much room as the one before.
  const spans = replays.map((replay) => Math.max(1, replay.span(unit)));
  const wide = spans.length > 1 && Math.max(...spans) > 20 * Math.min(...spans);
  const placeOf = (moment: number) => (wide ? (100 * Math.log1p(moment)) / Math.log1p(Math.max(span, 1)) : (100 * moment) / Math.max(span, 1));
  const momentAt = (percent: number) => (wide ? Math.round(Math.expm1((percent / 100) * Math.log1p(span))) : (percent / 100) * span);
  const step = unit === "flops" ? Math.max(span / 200, 1) : 1;
  return (
    <div class="scrubber">
      {replays.map((replay, place) => (
        <div class="track" key={place}>
          <span class="track-name">{names[place]}</span>
          <div class="track-line">
            <div class="track-whole" style={{ width: `${placeOf(replay.span(unit))}%` }} />
            {thinned(marksInTime(replay, unit), placeOf)
              .filter((mark) => !reveal || mark.at <= at)
              .map((mark, number) => (
              <button
                key={number}
                type="button"
                tabIndex={-1}
                class={`mark ${mark.kind}`}
                style={{ left: `${placeOf(mark.at)}%` }}
                title={`${mark.said} at ${short(mark.at)} ${unit}`}
                aria-label={`${names[place]}: ${mark.said} at ${short(mark.at)} ${unit}`}
                onClick={() => onMove(mark.at)}
              >
                {SIGNS[mark.kind]}
              </button>
            ))}
            <div class="now" style={{ left: `${placeOf(at)}%` }} />
          </div>
        </div>
      ))}
      <input
        type="range"
        min={0}
        max={wide ? 100 : span}
        step={wide ? 0.1 : step}
        value={wide ? placeOf(at) : at}
        aria-label={`moment, in ${unit}`}
        aria-valuetext={`${short(at)} of ${short(span)} ${unit}`}
        onKeyDown={(event) => {
          // where doublings take equal room, a step of the slider may be less than a moment
          const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
          if (!wide || !by) return;
          onMove(Math.max(0, Math.min(span, Math.round(at) + by)));
          event.preventDefault();
          event.stopPropagation();
        }}
        onInput={(event) => onMove(wide ? momentAt(Number(event.currentTarget.value)) : Number(event.currentTarget.value))}
      />
      <p class="legend">
        {(Object.keys(SIGNS) as (keyof typeof SIGNS)[]).map((kind) => (
          <span key={kind}>
            <b>{SIGNS[kind]}</b> {SAID[kind]}
          </span>
        ))}
        <span><b>dashed frame</b> the board is lost</span>
        <span><b>hatched</b> the value that lost it</span>
        <span><b>ring</b> values that cannot stand together</span>
        <span><b>wavy</b> breaks a rule</span>
        {wide && <span>each doubling of the {unit} takes as much room as the one before</span>}
      </p>
    </div>
  );
}

// Of marks that would cover each other the first stands for all; a search may take back hundreds of times.
function thinned(marks: Mark[], placeOf: (moment: number) => number): Mark[] {
  const taken = new Set<string>();
  return marks.filter((mark) => {
    const key = `${mark.kind}${Math.round(placeOf(mark.at) / 2.2)}`;
    if (taken.has(key)) return false;
    taken.add(key);
    return true;
  });
}
