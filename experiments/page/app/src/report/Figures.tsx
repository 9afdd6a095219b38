// The run's figures, a row a decoder, each with its interval; a click on a head sorts by it.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { short } from "../core/names";
import type { Figure, Payload } from "./payload";

const COLUMNS: [key: string, head: string, share: boolean, about: string][] = [
  ["solved", "solved %", true, "of all traces"],
  ["need", "dead end %", true, "traces that made a commit after which no solution was left"],
  ["met", "of them solved %", true, "traces with a dead end that were solved all the same, of all traces"],
  ["first_dead", "first dead end", false, "commits made by then, median over the traces that have one"],
  ["lag", "until it shows", false, "commits from there until it shows, median"],
  ["debt", "debt", false, "fewest cells to blank at the end so that a solution exists again, mean over unsolved traces"],
  ["calls", "calls", false, "network passes, or search steps, mean"],
  ["tokens", "tokens", false, "mean"],
];

export function Figures({ payload, onPick }: { payload: Payload; onPick: (decoder: number) => void }): JSX.Element | null {
  const [by, setBy] = useState<{ key: string; down: boolean } | null>(null);
  const columns = COLUMNS.filter(([key]) => payload.figures.some((row) => row.figures[key]?.value != null));
  if (!columns.length) return null;
  const value = (row: Payload["figures"][number], key: string) => row.figures[key]?.value ?? -Infinity;
  const rows = payload.figures.slice();
  if (by) rows.sort((a, b) => (value(a, by.key) - value(b, by.key)) * (by.down ? -1 : 1));
  return (
    <section aria-labelledby="figures">
      <h2 id="figures">Figures</h2>
      <p class="about">Below each figure its 95 % interval and, where it rests on fewer traces than the row has, how many.</p>
      <div class="wide">
        <table>
          <thead>
            <tr>
              <th scope="col">decoder</th>
              {columns.map(([key, head, , about]) => (
                <th scope="col" key={key} aria-sort={by?.key === key ? (by.down ? "descending" : "ascending") : "none"}>
                  <button type="button" title={about} onClick={() => setBy({ key, down: by?.key === key ? !by.down : true })}>
                    {head} {by?.key === key ? (by.down ? "▾" : "▴") : ""}
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => {
              const place = payload.decoders.findIndex((decoder) => decoder.name === row.name);
              const all = row.figures.solved?.n;
              return (
                <tr key={row.name}>
                  <th scope="row">
                    <button type="button" onClick={() => onPick(place)} title={payload.decoders[place]?.about}>
                      {row.name}
                    </button>
                  </th>
                  {columns.map(([key, , share]) => (
                    <td key={key}>
                      <Shown figure={row.figures[key]} share={share} all={all} />
                    </td>
                  ))}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Shown({ figure, share, all }: { figure?: Figure; share: boolean; all?: number }): JSX.Element {
  if (!figure || figure.value === null) return <span class="none">–</span>;
  const write = (number: number) => (share ? (100 * number).toFixed(number === 0 || number === 1 ? 0 : 1) : short(Math.round(number * 100) / 100));
  return (
    <>
      {write(figure.value)}
      <small>
        {figure.low !== null && figure.high !== null ? `${share ? Math.round(100 * figure.low) : short(Math.round(figure.low * 10) / 10)} to ${share ? Math.round(100 * figure.high) : short(Math.round(figure.high * 10) / 10)}` : ""}
        {all !== undefined && figure.n !== all ? ` n=${figure.n}` : ""}
      </small>
    </>
  );
}
