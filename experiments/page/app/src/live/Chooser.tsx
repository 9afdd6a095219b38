// A decoder, by name or word by word: network, order, veto, retraction, budget.
import type { JSX } from "preact";
import type { LiveData } from "./Try";
import { type Choice, MOST_CALLS, ownOrder, PRESETS, read, spell, UNIFORM, WORDS } from "./spelling";

interface Props {
  number: number;
  choice: Choice;
  networks: LiveData["networks"];
  side: number; // of the board at hand
  onChange: (to: Choice) => void;
  onClose?: () => void;
}

export function Chooser({ number, choice, networks, side, onChange, onClose }: Props): JSX.Element {
  const net = networks.find(({ kind }) => kind === choice.net);
  const idle = net && net.side !== side;
  const own = ownOrder(choice.net);
  const spelled = spell(choice);
  const preset = PRESETS.some(([, one]) => one === spelled) ? spelled : "";
  const pick = (words: string) => {
    const chosen = read(words, networks.map(({ kind }) => kind));
    if (chosen) onChange(chosen);
  };
  const word = <Word extends "order" | "veto" | "retraction">(name: Word, without: string[] = []) => (
    <label>
      <span>{name}</span>
      <select value={choice[name]} disabled={name === "order" && own !== null} onChange={(event) => onChange({ ...choice, [name]: event.currentTarget.value })}>
        {Object.entries(WORDS[name])
          .filter(([value]) => !without.includes(value))
          .map(([value, does]) => <option key={value} value={value}>{value}: {does}</option>)}
      </select>
    </label>
  );
  return (
    <fieldset class="chooser">
      <legend>decoder {number}</legend>
      <select value={preset} aria-label={`what decoder ${number} is`} onChange={(event) => pick(event.currentTarget.value)}>
        {PRESETS.map(([name, spelled]) => <option key={name} value={spelled}>{name}</option>)}
        <option value="" disabled={preset !== ""}>as chosen below</option>
      </select>
      <details open={preset === ""}>
      <summary>word by word</summary>
      <label>
        <span>network</span>
        <select value={choice.net} onChange={(event) => onChange({ ...choice, net: event.currentTarget.value })}>
          {networks.map(({ kind, about }) => <option key={kind} value={kind}>{kind}: {about}</option>)}
          <option value={UNIFORM}>none: every value is equally likely</option>
        </select>
      </label>
      {word("order")}
      {word("veto", choice.retraction === "none" ? [] : ["none"])}
      {word("retraction")}
      {choice.retraction !== "none" && (
        <label>
          <span>budget, calls</span>
          <input type="number" min={1} max={MOST_CALLS} value={choice.calls} onChange={(event) => onChange({ ...choice, calls: Number(event.currentTarget.value) })} />
        </label>
      )}
      </details>
      {own && <p class="about">This network was trained in one order and keeps it.</p>}
      {idle && <p class="about">It knows boards of {net.side} by {net.side} only: on this one the decoder runs without a network.</p>}
      {onClose && <button type="button" onClick={onClose} aria-label={`remove decoder ${number}`}>× remove</button>}
    </fieldset>
  );
}
