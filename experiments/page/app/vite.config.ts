// One page a build, everything inlined: PAGE=report, site or live (npm run build makes all).
import preact from "@preact/preset-vite";
import { defineConfig } from "vite";
import { viteSingleFile } from "vite-plugin-singlefile";
import { onnxruntimeBytes } from "./onnxruntime_bytes";

const page = process.env.PAGE ?? "report";

export default defineConfig({
  plugins: [onnxruntimeBytes(), preact({ devToolsEnabled: false, prefreshEnabled: false }), viteSingleFile({ removeViteModuleLoader: true })],
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
