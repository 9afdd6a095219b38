// The exact view as a URL fragment, and back: #puzzle=3&show=0.4&unit=calls&at=17&cell=12
export interface View {
  puzzle: number;
  show: number[]; // decoders, left to right
  unit: "calls" | "commits" | "flops";
  at: number;
  cell: number | null;
  stratum: string;
  outcome: string;
}

export function toFragment(view: View): string {
  const words: Record<string, string> = {
    puzzle: String(view.puzzle),
    show: view.show.join("."),
    unit: view.unit,
    at: String(Math.round(view.at * 1000) / 1000),
  };
  if (view.cell !== null) words.cell = String(view.cell);
  if (view.stratum) words.stratum = view.stratum;
  if (view.outcome) words.outcome = view.outcome;
  return "#" + new URLSearchParams(words).toString();
}

// What a fragment says; anything odd in it is passed over, and the default stands.
export function fromFragment(text: string, plain: View, puzzles: number, decoders: number): View {
  const words = new URLSearchParams(text.replace(/^#/, ""));
  const whole = (name: string, below: number, otherwise: number) => {
    const number = Number(words.get(name));
    return words.has(name) && Number.isInteger(number) && number >= 0 && number < below ? number : otherwise;
  };
  const show = (words.get("show") ?? "").split(".").map(Number).filter((one) => Number.isInteger(one) && one >= 0 && one < decoders);
  const unit = words.get("unit");
  const at = Number(words.get("at"));
  return {
    puzzle: whole("puzzle", puzzles, plain.puzzle),
    show: words.get("show") && show.length ? [...new Set(show)].slice(0, 4) : plain.show,
    unit: unit === "calls" || unit === "commits" || unit === "flops" ? unit : plain.unit,
    at: words.has("at") && Number.isFinite(at) && at >= 0 ? at : plain.at,
    cell: words.has("cell") ? whole("cell", 1e6, 0) : plain.cell,
    stratum: words.get("stratum") ?? plain.stratum,
    outcome: words.get("outcome") ?? plain.outcome,
  };
}
