// Decoders in the words of generators/decoding/spec.py, as far as the page runs them.
//
//   spell({ net: "diffusion", order: "confidence", veto: "legal", retraction: "best-first", calls: 200 })
//   read("diffusion:order=confidence")             // null for what the page does not run

import type { Options, Order, Retraction, Veto } from "../core/decode";

export interface Choice extends Options {
  net: string; // a network's kind, or "uniform": none
}

// word: its values, each with what it does; the first is the default.
export const WORDS: {
  order: Record<Order, string>;
  veto: Record<Veto, string>;
  retraction: Record<Retraction, string>;
} = {
  order: {
    raster: "row by row",
    random: "any blank cell",
    fewest: "the cell with the fewest legal values",
    solver: "the cell that rules settle first",
    confidence: "the surest cell first",
  },
  veto: {
    none: "nothing is ruled out",
    legal: "values of the same row, column or box",
    propagate: "also what unit propagation refutes",
    singles: "the same with hidden singles",
  },
  retraction: {
    none: "nothing is taken back",
    depth: "back to the last choice left",
    "best-first": "back to the likeliest choice left",
  },
};
export const UNIFORM = "uniform";
// Decoders worth a try, each with its spelling.
export const PRESETS: [name: string, spelled: string][] = [
  ["AR, row by row", "ar"],
  ["AR that goes back", "ar:veto=legal,retraction=best-first,calls=200"],
  ["AR of any order, surest first", "ar-random:order=confidence"],
  ["diffusion, row by row", "diffusion"],
  ["diffusion, surest first", "diffusion:order=confidence"],
  ["blind diffusion, row by row", "diffusion-blind"],
  ["diffusion that goes back", "diffusion:order=confidence,veto=legal,retraction=best-first,calls=200"],
  ["no network: tries value after value", "uniform:order=fewest,veto=legal,retraction=depth,calls=5000"],
];

// What a decoder is called: a preset's name, or its spelling.
export function called(choice: Choice): string {
  const spelled = spell(choice);
  return PRESETS.find(([, one]) => one === spelled)?.[0] ?? spelled;
}

const OWN_ORDER: Record<string, Order> = { ar: "raster", "ar-solver": "solver" };
export const CALLS = 200; // the budget of a search where none is given
export const MOST_CALLS = 5000;

// A choice that can be run: AR networks keep their own order, and what goes on with the next value needs a veto and a
// budget.
export function fitting(choice: Choice): Choice {
  const made = { ...choice, order: OWN_ORDER[choice.net] ?? choice.order };
  if (made.retraction === "none") return { ...made, calls: 0 };
  if (made.veto === "none") made.veto = "legal";
  const calls = Math.round(made.calls);
  return { ...made, calls: calls >= 1 ? Math.min(calls, MOST_CALLS) : CALLS };
}

export function ownOrder(net: string): Order | null {
  return OWN_ORDER[net] ?? null;
}

export function spell(choice: Choice): string {
  const said = (["order", "veto", "retraction"] as const)
    .filter((word) => choice[word] !== Object.keys(WORDS[word])[0] && !(word === "order" && OWN_ORDER[choice.net]))
    .map((word) => `${word}=${choice[word]}`);
  if (choice.calls) said.push(`calls=${choice.calls}`);
  return said.length ? `${choice.net}:${said.join(",")}` : choice.net;
}

// nets: those that there are, besides none.
export function read(text: string, nets: string[]): Choice | null {
  const [net, words = ""] = text.split(":", 2);
  if (net !== UNIFORM && !nets.includes(net)) return null;
  const choice: Choice = { net, order: "raster", veto: "none", retraction: "none", calls: 0 };
  for (const part of words.split(",").filter(Boolean)) {
    const [word, value] = part.split("=", 2);
    if (word === "calls" && /^\d{1,5}$/.test(value ?? "")) choice.calls = Number(value);
    else if (word in WORDS && Object.hasOwn(WORDS[word as keyof typeof WORDS], value ?? "")) Object.assign(choice, { [word]: value });
    else return null;
  }
  return fitting(choice);
}
