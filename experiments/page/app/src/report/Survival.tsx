// How many boards are still alive as blanks are filled, a line a decoder: step curves with 95 % bands (Wilson).
import { scaleLinear } from "d3-scale";
import { area, curveStepAfter, line } from "d3-shape";
import type { JSX } from "preact";
import type { Replay } from "../core/replay";
import type { Payload } from "./payload";

const DASHES = ["", "6 3", "2 2", "8 2 2 2", "1 3", "10 4"];
const HUES = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"];
const [WIDE, HIGH, LEFT, BOTTOM] = [560, 260, 44, 36];

interface Curve {
  name: string;
  points: { at: number; alive: number; low: number; high: number }[];
  n: number;
}

export function wilson(hits: number, n: number): [number, number] {
  const z = 1.959964;
  const p = hits / n;
  const middle = (p + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}

export function curves(payload: Payload, replays: Replay[], shown: number[]): Curve[] {
  return shown.map((decoder) => {
    const own = replays.filter((replay) => replay.record.decoder === decoder && replay.record.alive !== null);
    const firsts = own.map((replay) => {
      const first = replay.record.dead[0];
      const blanks = replay.puzzle.givens.filter((value) => value === 0).length;
      return first === undefined ? 2 : replay.state(first + 1).filter((value, cell) => value && !replay.puzzle.givens[cell]).length / blanks;
    });
    const points = Array.from({ length: 51 }, (_, place) => {
      const at = place / 50;
      const hits = firsts.filter((share) => share > at).length;
      const [low, high] = own.length ? wilson(hits, own.length) : [0, 1];
      return { at, alive: own.length ? hits / own.length : 0, low, high };
    });
    return { name: payload.decoders[decoder].name, points, n: own.length };
  });
}

export function Survival({ payload, replays, shown }: { payload: Payload; replays: Replay[]; shown: number[] }): JSX.Element {
  const made = curves(payload, replays, shown);
  const x = scaleLinear([0, 1], [LEFT, WIDE - 130]);
  const y = scaleLinear([0, 1], [HIGH - BOTTOM, 10]);
  return (
    <section aria-labelledby="survival">
      <h2 id="survival">Boards that were never lost, as they fill</h2>
      <p class="about">
        The share of boards without a dead end so far, against the share of blank cells that are filled. Bands: 95 %
        intervals. A decoder that takes back may lose a board and still solve it.
      </p>
      <svg class="chart" viewBox={`0 0 ${WIDE} ${HIGH}`} role="img" aria-label={made.map((c) => `${c.name}: ${Math.round(100 * c.points[50].alive)} % never lost, of ${c.n}`).join("; ")}>
        {[0, 0.25, 0.5, 0.75, 1].map((share) => (
          <g key={share}>
            <line class="grid-line" x1={LEFT} x2={WIDE - 130} y1={y(share)} y2={y(share)} />
            <text class="tick" x={LEFT - 6} y={y(share)} text-anchor="end" dominant-baseline="middle">{100 * share} %</text>
            <text class="tick" x={x(share)} y={HIGH - BOTTOM + 16} text-anchor="middle">{100 * share} %</text>
          </g>
        ))}
        <text class="tick" x={(LEFT + WIDE - 130) / 2} y={HIGH - 4} text-anchor="middle">blank cells filled</text>
        {made.map((curve, place) => {
          const hue = HUES[place % HUES.length];
          const band = area<Curve["points"][number]>().curve(curveStepAfter).x((p) => x(p.at)).y0((p) => y(p.low)).y1((p) => y(p.high));
          const path = line<Curve["points"][number]>().curve(curveStepAfter).x((p) => x(p.at)).y((p) => y(p.alive));
          const last = curve.points[50];
          const crowd = made.filter((other, number) => number < place && Math.abs(other.points[50].alive - last.alive) < 0.06).length;
          return (
            <g key={curve.name}>
              <path d={band(curve.points) ?? ""} fill={hue} opacity={0.12} />
              <path d={path(curve.points) ?? ""} fill="none" stroke={hue} stroke-width={2} stroke-dasharray={DASHES[place % DASHES.length]} />
              <text class="tick name" x={WIDE - 124} y={y(last.alive) + 13 * crowd} style={{ fill: hue }} dominant-baseline="middle">{curve.name}</text>
            </g>
          );
        })}
      </svg>
    </section>
  );
}
