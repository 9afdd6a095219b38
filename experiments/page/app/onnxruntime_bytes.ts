// A vite plugin: onnxruntime-web does not look for its program, which the page hands over as bytes (core/network.ts).
//
// Without it the build would put all 14 MB of it into the worker, as text in text. It does not ask for its own address
// either: in a page that was opened as a file only classic workers start, and they have none. For page and workers alike.

import type { Plugin } from "vite";

const PROGRAM = /new URL\("ort-wasm-simd-threaded\.wasm",\s*import\.meta\.url\)\.href/g;

export function onnxruntimeBytes(): Plugin {
  return {
    name: "onnxruntime-bytes",
    enforce: "pre",
    transform(code, id) {
      if (!id.includes("onnxruntime-web")) return null;
      if (code.search(PROGRAM) < 0) throw new Error(`${id}: no longer names its program as this plugin expects`);
      return { code: code.replaceAll(PROGRAM, '""').replaceAll("import.meta.url", '""'), map: null };
    },
  };
}
