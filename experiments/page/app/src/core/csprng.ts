// Random numbers that are a function of a key and counters alone, bit for bit those of csp/seeds.py, `uniform`.
//
//   uniform(key, 2, call, cell)      // in (0, 1)

const WORD = 64;
const GOLDEN = 0x9e3779b97f4a7c15n;

function wrap(value: bigint): bigint {
  return BigInt.asUintN(WORD, value);
}

// One step of SplitMix64 a counter, folded into the key.
export function mix(key: bigint, ...counters: number[]): bigint {
  let state = wrap(key);
  for (const counter of counters) {
    state = wrap(state + GOLDEN * (BigInt(counter) + 1n));
    state = wrap((state ^ (state >> 30n)) * 0xbf58476d1ce4e5b9n);
    state = wrap((state ^ (state >> 27n)) * 0x94d049bb133111ebn);
    state ^= state >> 31n;
  }
  return state;
}

export function uniform(key: bigint, ...counters: number[]): number {
  return (Number(mix(key, ...counters) >> 11n) + 0.5) / 2 ** 53;
}
