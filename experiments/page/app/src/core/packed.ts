// Gzip in base64, as experiments/page/build.py puts data and files into a page.

export async function unpacked(text: string): Promise<ArrayBuffer> {
  const bytes = Uint8Array.from(atob(text.trim()), (character) => character.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

export async function readPacked<T>(text: string): Promise<T> {
  return JSON.parse(new TextDecoder().decode(await unpacked(text)));
}
