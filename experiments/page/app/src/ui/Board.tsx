// A board at one moment: givens, commits, what is lost and why. Grids and graphs share what a cell looks like.
import type { JSX } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import { layout, SIZE, type Spot } from "../core/layout";
import type { Marks } from "../core/marks";
import { cellName, colour, symbol } from "../core/names";
import type { Puzzle } from "../core/problem";

export interface BoardProps {
  puzzle: Puzzle;
  state: number[];
  marks: Marks;
  selected: number | null;
  label: string;
  onSelect?: (cell: number) => void;
  notes?: (cell: number) => number[] | null; // candidates to write small into blank cells, each 0 to 1
}

export function Board(props: BoardProps): JSX.Element {
  return props.puzzle.shape ? <Grid {...props} /> : <Graph {...props} />;
}

function classes(puzzle: Puzzle, state: number[], marks: Marks, cell: number, selected: number | null): string {
  const found = ["cell"];
  if (puzzle.givens[cell]) found.push("given");
  else if (state[cell]) found.push("commit");
  if (marks.latest === cell) found.push(marks.back ? "taken-back" : "latest");
  if (marks.killer === cell) found.push("killer");
  if (marks.core.includes(cell)) found.push("core");
  if (marks.clash.includes(cell)) found.push("clash");
  if (marks.empty.includes(cell)) found.push("empty");
  if (selected === cell) found.push("selected");
  return found.join(" ");
}

// In words, for those who do not see it.
function words(puzzle: Puzzle, state: number[], marks: Marks, cell: number): string {
  const holds = state[cell] ? `${puzzle.givens[cell] ? "given " : ""}${symbol(puzzle, state[cell])}` : "blank";
  const said = [
    marks.killer === cell ? "killed the board" : "",
    marks.core.includes(cell) ? "part of the conflict" : "",
    marks.clash.includes(cell) ? "breaks a rule" : "",
    marks.empty.includes(cell) ? "has no value left" : "",
  ].filter(Boolean);
  return `${cellName(puzzle, cell)}: ${[holds, ...said].join(", ")}`;
}

function Grid({ puzzle, state, marks, selected, label, onSelect, notes }: BoardProps): JSX.Element {
  const side = puzzle.shape!.side;
  const regions = puzzle.shape!.regions ?? [];
  const unit = 40;
  const whole = side * unit;
  const select = (cell: number) => onSelect?.(cell);

  // arrows go from cell to cell; one cell of the board is in the tab order
  const [focus, setFocus] = useState(0);
  const cells = useRef<(SVGGElement | null)[]>([]);
  const move = (event: KeyboardEvent, cell: number) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -side, ArrowDown: side }[event.key];
    if (event.key === "Enter" || event.key === " ") {
      select(cell);
    } else if (step !== undefined) {
      const next = cell + step;
      if (next < 0 || next >= puzzle.n || (Math.abs(step) === 1 && Math.floor(next / side) !== Math.floor(cell / side))) return;
      setFocus(next);
      cells.current[next]?.focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };

  // a line is thick where two regions meet
  const lines = [];
  for (let cell = 0; cell < puzzle.n; cell++) {
    const [row, column] = [Math.floor(cell / side), cell % side];
    const thick = (other: number) => regions.length > 0 && regions[cell] !== regions[other];
    if (column + 1 < side && thick(cell + 1)) lines.push([(column + 1) * unit, row * unit, (column + 1) * unit, (row + 1) * unit]);
    if (row + 1 < side && thick(cell + side)) lines.push([column * unit, (row + 1) * unit, (column + 1) * unit, (row + 1) * unit]);
  }
  return (
    <svg class={`board grid ${marks.dead ? "dead" : ""}`} viewBox={`-3 -3 ${whole + 6} ${whole + 6}`} role="grid" aria-label={label}>
      <Hatches />
      {Array.from({ length: side }, (_, row) => (
        <g role="row" key={row}>
          {Array.from({ length: side }, (_, column) => {
            const cell = row * side + column;
            const small = !state[cell] && notes ? notes(cell) : null;
            return (
              <g
                key={cell}
                ref={(element) => void (cells.current[cell] = element)}
                role="gridcell"
                class={classes(puzzle, state, marks, cell, selected)}
                transform={`translate(${column * unit} ${row * unit})`}
                tabIndex={cell === focus ? 0 : -1}
                aria-label={words(puzzle, state, marks, cell)}
                aria-selected={selected === cell}
                onClick={() => select(cell)}
                onKeyDown={(event) => move(event, cell)}
                onFocus={() => setFocus(cell)}
              >
                <rect width={unit} height={unit} />
                {marks.killer === cell && <rect class="hatch" width={unit} height={unit} />}
                {state[cell] > 0 && <text x={unit / 2} y={unit / 2} style={{ fontSize: side > 12 ? 20 : 24 }}>{symbol(puzzle, state[cell])}</text>}
                {small && <Notes likely={small} unit={unit} puzzle={puzzle} />}
                {marks.empty.includes(cell) && <path class="sign" d={`M${unit * 0.3} ${unit * 0.3}L${unit * 0.7} ${unit * 0.7}M${unit * 0.7} ${unit * 0.3}L${unit * 0.3} ${unit * 0.7}`} />}
                {marks.core.includes(cell) && <circle class="sign" cx={unit / 2} cy={unit / 2} r={unit * 0.42} />}
              </g>
            );
          })}
        </g>
      ))}
      {lines.map(([x1, y1, x2, y2], place) => (
        <line key={place} class="region" x1={x1} y1={y1} x2={x2} y2={y2} />
      ))}
      {selected !== null && (
        <rect class="selection" x={(selected % side) * unit} y={Math.floor(selected / side) * unit} width={unit} height={unit} />
      )}
      <rect class="frame" width={whole} height={whole} />
    </svg>
  );
}

// What the net believes of a blank cell: each value as dark as it is likely.
function Notes({ likely, unit, puzzle }: { likely: number[]; unit: number; puzzle: Puzzle }): JSX.Element {
  const wide = Math.ceil(Math.sqrt(likely.length));
  const high = Math.ceil(likely.length / wide);
  const small = unit / (wide + 0.4);
  const top = (unit - high * small) / 2; // in the middle of the cell
  return (
    <g class="notes" aria-hidden="true">
      {likely.map((share, place) => (
        <text key={place} x={small * ((place % wide) + 0.7)} y={top + small * (Math.floor(place / wide) + 0.5)} style={{ fontSize: small * 0.85, opacity: share < 0.02 ? 0 : 0.2 + 0.8 * share }}>
          {symbol(puzzle, place + 1)}
        </text>
      ))}
    </g>
  );
}

function Graph({ puzzle, state, marks, selected, label, onSelect }: BoardProps): JSX.Element {
  const laid = useMemo(() => layout(puzzle), [puzzle]);
  const [moved, setMoved] = useState<Record<number, Spot>>({});
  const spot = (cell: number) => moved[cell] ?? laid[cell];
  const radius = Math.max(6, Math.min(16, 90 / Math.sqrt(puzzle.n)));
  const drag = (event: PointerEvent, cell: number) => {
    const element = event.currentTarget as SVGGElement;
    const svg = element.ownerSVGElement!;
    element.setPointerCapture(event.pointerId);
    const follow = (move: PointerEvent) => {
      const at = new DOMPoint(move.clientX, move.clientY).matrixTransform(svg.getScreenCTM()!.inverse());
      setMoved((before) => ({ ...before, [cell]: { x: at.x, y: at.y } }));
    };
    element.addEventListener("pointermove", follow);
    element.addEventListener("pointerup", () => element.removeEventListener("pointermove", follow), { once: true });
  };
  return (
    <svg class={`board graph ${marks.dead ? "dead" : ""}`} viewBox={`0 0 ${SIZE} ${SIZE}`} role="group" aria-label={label}>
      <Hatches />
      {puzzle.edges.map(([a, b]) => {
        const broken = state[a] > 0 && state[a] === state[b];
        const [one, other] = [spot(a), spot(b)];
        return <line key={`${a}-${b}`} class={broken ? "edge broken" : "edge"} x1={one.x} y1={one.y} x2={other.x} y2={other.y} />;
      })}
      {laid.map((_, cell) => {
        const { x, y } = spot(cell);
        return (
          <g
            key={cell}
            role="button"
            tabIndex={0}
            class={classes(puzzle, state, marks, cell, selected)}
            transform={`translate(${x} ${y})`}
            aria-label={words(puzzle, state, marks, cell)}
            onClick={() => onSelect?.(cell)}
            onKeyDown={(event) => {
              if (event.key !== "Enter") return;
              onSelect?.(cell);
              event.preventDefault();
            }}
            onPointerDown={(event) => drag(event, cell)}
          >
            <circle class="node" r={radius} style={state[cell] ? { fill: colour(state[cell]) } : {}} />
            {marks.killer === cell && <circle class="hatch" r={radius} />}
            {state[cell] > 0 && <text style={{ fontSize: radius * 1.2 }}>{state[cell]}</text>}
            {marks.empty.includes(cell) && <path class="sign" d={`M${-radius / 2} ${-radius / 2}L${radius / 2} ${radius / 2}M${radius / 2} ${-radius / 2}L${-radius / 2} ${radius / 2}`} />}
            {marks.core.includes(cell) && <circle class="sign" r={radius + 4} />}
          </g>
        );
      })}
    </svg>
  );
}

// A second sign beside the colour of the killing commit.
function Hatches(): JSX.Element {
  return (
    <defs>
      <pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <line x1="0" y1="0" x2="0" y2="6" class="hatch-line" />
      </pattern>
    </defs>
  );
}
