// Five scenes, one board each, one thing to press; keys: arrows left and right between scenes.
import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import type { Puzzle } from "../core/problem";
import { Replay, type TraceRecord } from "../core/replay";
import { Yourself } from "./Yourself";
import { Race } from "./Race";

export interface NamedTrace extends TraceRecord {
  name: string;
  spec: string;
}

export interface StoryData {
  scenes: { title: string; says: string; "comes to": string; claim: string; table: string[][] }[];
  puzzles: Puzzle[];
  traces: NamedTrace[];
}

export function Story({ data }: { data: StoryData }): JSX.Element {
  const fromLink = () => Math.min(data.scenes.length, Math.max(1, Number(location.hash.slice(1)) || 1)) - 1;
  const [scene, setScene] = useState(fromLink);
  const go = (to: number) => {
    if (to < 0 || to >= data.scenes.length) return;
    setScene(to);
    history.replaceState(null, "", `#${to + 1}`);
    scrollTo({ top: 0 });
  };
  useEffect(() => {
    const follow = () => setScene(fromLink());
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);

  const replays = useMemo(
    () => new Map(data.traces.map((trace) => [trace.name, { trace, replay: new Replay(data.puzzles[trace.puzzle], trace) }])),
    [data],
  );
  const first = data.puzzles[0];
  const { title, says, claim, table, "comes to": comesTo } = data.scenes[scene];
  const race = { replays, comesTo, table };
  const scenes: JSX.Element[] = [
    <Yourself key="you" puzzle={first} undo={false} />,
    <Race key="ar" shown={["AR network"]} unit="commits" pace={3} {...race} />,
    <>
      <Race key="back" shown={["AR network that goes back"]} unit="calls" pace={3} {...race} />
      <details class="your-turn">
        <summary>And you: play it again, with taking back</summary>
        <Yourself puzzle={first} undo={true} />
      </details>
    </>,
    <Race key="diffusion" shown={["diffusion on your board", "diffusion on a harder board"]} unit="calls" pace={3} notes {...race} />,
    <Race key="race" shown={["goes back to the likeliest", "its placebo: goes back anywhere", "no network"]} unit="calls" pace={2.5} quickens {...race} />,
  ];
  return (
    <main class="story">
      <nav aria-label="scenes">
        {data.scenes.map((one, place) => (
          <button key={place} type="button" class={place === scene ? "here" : ""} aria-current={place === scene ? "step" : undefined} onClick={() => go(place)}>
            <span>{place + 1}</span> {one.title}
          </button>
        ))}
      </nav>
      <section class="scene" key={scene} aria-labelledby="title">
        <h1 id="title">{scene + 1}. {title}</h1>
        <p class="says">{says}</p>
        {scenes[scene]}
        {claim && (
          <details class="claim">
            <summary>The claim behind this</summary>
            <p>{claim}</p>
            <p class="about">The project's RESULTS.md says what decided it, how many puzzles, the limit, and the command. The board here shows what can happen; it was the first of its kind on which it did.</p>
          </details>
        )}
        <div class="controls">
          {scene > 0 && <button type="button" onClick={() => go(scene - 1)}>◂ before</button>}
          {scene + 1 === data.scenes.length && <a class="button" href="your-puzzle.html">try your own puzzle ▸</a>}
          {scene + 1 < data.scenes.length && <button type="button" onClick={() => go(scene + 1)}>next: {data.scenes[scene + 1].title} ▸</button>}
        </div>
      </section>
    </main>
  );
}
