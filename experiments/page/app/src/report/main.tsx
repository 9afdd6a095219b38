// The page of `takeback report`: traces of a run side by side, commit by commit, with what the oracle knew.
import { render } from "preact";
import { App } from "./App";
import { readPayload } from "./payload";
import "../style.css";

const page = document.getElementById("page")!;
try {
  const payload = await readPayload(document.getElementById("payload")!.textContent ?? "");
  document.title = payload.title;
  page.replaceChildren();
  render(<App payload={payload} />, page);
} catch (fault) {
  page.textContent = `This page holds no run that can be read (${fault instanceof Error ? fault.message : fault}).`;
}
