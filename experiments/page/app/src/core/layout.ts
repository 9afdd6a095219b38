// Where a graph's nodes stand: forces from a fixed start, so that a graph looks the same on every day.
import { forceCollide, forceLink, forceManyBody, forceSimulation, forceX, forceY } from "d3-force";
import type { Puzzle } from "./problem";

export interface Spot {
  x: number;
  y: number;
}

export const SIZE = 400;

export function layout(puzzle: Puzzle): Spot[] {
  const nodes = Array.from({ length: puzzle.n }, (_, place) => {
    const turn = place * 2.399963; // the golden angle: no two nodes begin at one spot
    const reach = 8 * Math.sqrt(place + 0.5);
    return { x: reach * Math.cos(turn), y: reach * Math.sin(turn) };
  });
  const links = puzzle.edges.map(([source, target]) => ({ source, target }));
  const distance = 260 / Math.sqrt(puzzle.n);
  forceSimulation(nodes)
    .force("link", forceLink(links).distance(distance).strength(0.25))
    .force("apart", forceManyBody().strength(-distance * 2.2))
    .force("room", forceCollide(distance * 0.42))
    .force("x", forceX(0).strength(0.11))
    .force("y", forceY(0).strength(0.11))
    .stop()
    .tick(puzzle.n > 150 ? 150 : 300);

  // Into a square with a margin, each direction by itself: a node that hangs loose would leave the others no room.
  const room = SIZE - 48;
  const fit = (values: number[]) => {
    const low = Math.min(...values);
    const wide = Math.max(Math.max(...values) - low, 1);
    return values.map((value) => 24 + ((value - low) / wide) * room);
  };
  const [xs, ys] = [fit(nodes.map((node) => node.x)), fit(nodes.map((node) => node.y))];
  return xs.map((x, place) => ({ x, y: ys[place] }));
}
