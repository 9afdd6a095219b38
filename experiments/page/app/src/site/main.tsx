// The page of `takeback site`: five scenes about what a decoder cannot take back.
import { render } from "preact";
import { readPacked } from "../core/packed";
import { Story, type StoryData } from "./Story";
import "../style.css";
import "./site.css";

const page = document.getElementById("page")!;
try {
  const data = await readPacked<StoryData>(document.getElementById("payload")!.textContent ?? "");
  page.replaceChildren();
  render(<Story data={data} />, page);
} catch (fault) {
  page.textContent = `This page holds no story that can be read (${fault instanceof Error ? fault.message : fault}).`;
}
