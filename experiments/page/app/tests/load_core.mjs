// The page's TypeScript modules in node, for scripts: const { Decode } = await core("decode").

import { fileURLToPath } from "node:url";
import { createServer } from "vite";

const root = fileURLToPath(new URL("..", import.meta.url));
let server = null;

// A module of src/core by its name. Call close() at the end: a server stands behind it.
export async function core(name) {
  server ??= await createServer({
    root,
    configFile: false,
    logLevel: "error",
    server: { middlewareMode: true, ws: false, watch: null },
    optimizeDeps: { noDiscovery: true },
    appType: "custom",
  });
  return server.ssrLoadModule(`/src/core/${name}.ts`);
}

export async function close() {
  await server?.close();
  server = null;
}

// The program of onnxruntime-web, as bytes.
const RUNTIME = "../node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm";
export const WASM = fileURLToPath(new URL(RUNTIME, import.meta.url));
