// The networks that lie in the page, loaded when one is first asked for; their bytes stand in script elements (gzip in
// base64), as does onnxruntime's program.
import { unpacked } from "../core/packed";
import type { Kind } from "../core/network";
import { Live, type Port } from "./client";

export class Networks {
  readonly live: Live;
  private loading = new Map<string, Promise<void>>();

  constructor(
    worker: Port,
    private cells: Map<string, number>, // of each kind: how many cells it knows
    private bytes: (name: string) => string, // the packed text of a file
  ) {
    this.live = new Live(worker);
  }

  // Loads a network, once. Throws if its bytes cannot be read.
  load(kind: string): Promise<void> {
    let loading = this.loading.get(kind);
    if (!loading) {
      const wasm = this.loading.size === 0;
      loading = this.fetch(kind, wasm).catch((fault) => {
        this.loading.delete(kind);
        throw fault;
      });
      this.loading.set(kind, loading);
    }
    return loading;
  }

  private async fetch(kind: string, wasm: boolean): Promise<void> {
    const [model, program] = await Promise.all([unpacked(this.bytes(`${kind}.onnx`)), wasm ? unpacked(this.bytes("onnxruntime.wasm")) : null]);
    await this.live.load(kind, { kind: kind as Kind, cells: this.cells.get(kind)! }, model, program);
  }
}
