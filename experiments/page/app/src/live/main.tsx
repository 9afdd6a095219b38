// The page on which a puzzle of one's own is decoded: `takeback site` writes it beside the story.
import { render } from "preact";
import { readPacked } from "../core/packed";
import { Networks } from "./networks";
import { type LiveData, Try } from "./Try";
import LiveWorker from "./worker?worker&inline";
import "../style.css";
import "../site/site.css";
import "./live.css";

const page = document.getElementById("page")!;
const text = (id: string) => document.getElementById(id)?.textContent ?? "";
try {
  const data = await readPacked<LiveData>(text("payload"));
  const cells = new Map(data.networks.map(({ kind, cells: own }) => [kind, own]));
  const networks = new Networks(new LiveWorker(), cells, (name) => text(`file-${name}`));
  page.replaceChildren();
  render(<Try data={data} networks={networks} />, page);
} catch (fault) {
  page.textContent = `This page holds no networks that can be read (${fault instanceof Error ? fault.message : fault}).`;
}
