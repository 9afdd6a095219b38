// The data that `takeback report` put into the page.
import { readPacked } from "../core/packed";
import type { Puzzle } from "../core/problem";
import type { TraceRecord } from "../core/replay";

export interface Figure {
  value: number | null;
  low: number | null;
  high: number | null;
  n: number;
}

export interface Payload {
  title: string;
  line: string;
  version: string;
  seed: number | null;
  "made with": Record<string, string>;
  "left out": number;
  puzzles: Puzzle[];
  decoders: { name: string; about: string; spec: string }[];
  traces: TraceRecord[];
  figures: { name: string; figures: Record<string, Figure> }[];
}

export const readPayload = (text: string): Promise<Payload> => readPacked<Payload>(text);
