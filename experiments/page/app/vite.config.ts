// One page a build, everything inlined: PAGE=report or PAGE=site (npm run build makes both).
import preact from "@preact/preset-vite";
import { defineConfig } from "vite";
import { viteSingleFile } from "vite-plugin-singlefile";
import { onnxruntimeBytes } from "./onnxruntime_bytes";

const page = process.env.PAGE ?? "report";

export default defineConfig({
  plugins: [preact({ devToolsEnabled: false, prefreshEnabled: false }), viteSingleFile({ removeViteModuleLoader: true })],
  build: {
    outDir: "../built",
    emptyOutDir: false,
    target: "es2022",
    rollupOptions: { input: `${page}.html` },
    reportCompressedSize: false,
  },
  worker: { format: "iife", plugins: () => [onnxruntimeBytes()] },
  test: { include: ["tests/**/*.test.ts"] },
});
