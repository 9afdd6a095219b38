// The tree of commits behind the retractions depth and best-first (generators/decoding/search_tree.py): every commit is
// a node under the one before it, and its best value not tried yet is its open alternative. A failure picks one; the
// board becomes the path to it. No network call is spent on that.
//
//   tree.grow(cell, value, probabilities);      // after a commit
//   const path = tree.go("depth");              // commits from the root on, or null: nothing is left

export type Rule = "depth" | "best-first";

export interface Commit {
  cell: number;
  value: number;
}

// logProbs: the model's there, -Infinity where vetoed or tried. top: the highest before any was tried. lost:
// log-probability given up on the way to the node and there. following: the best value not tried yet, 0 if none;
// alternative: what would be lost if it were taken, infinite if there is none.
interface Node extends Commit {
  parent: number;
  logProbs: Float32Array;
  top: number;
  lost: number;
  following: number;
  alternative: number;
}

const NONE = -1;

export class Tree {
  private nodes: Node[] = [];
  private at = NONE; // the node that the board stands at

  // Add a commit under the one before it. probabilities: of the cell's values, 0 where vetoed.
  grow(cell: number, value: number, probabilities: ArrayLike<number>): void {
    const logProbs = Float32Array.from(probabilities, Math.log); // half the digits, as in Python: ties fall alike
    this.add({ parent: this.at, cell, value, logProbs, top: Math.max(...logProbs) });
  }

  // The commits of the alternative that the rule picks, in their sequence; null if none is left.
  go(rule: Rule): Commit[] | null {
    const best = rule === "depth" ? this.latest() : this.leastLost();
    if (best < 0) return null;

    // A node beside the one that was picked; what is still open of both is kept at the new one.
    const picked = this.nodes[best];
    const { parent, cell, following: value, logProbs, top } = picked;
    this.add({ parent, cell, value, logProbs, top });
    picked.alternative = Infinity;

    const path: Commit[] = [];
    for (let node = this.at; node >= 0; node = this.nodes[node].parent)
      path.push({ cell: this.nodes[node].cell, value: this.nodes[node].value });
    return path.reverse();
  }

  // Mark the value as tried; note what it lost, the best one not tried yet, and what that would have lost.
  private add(node: Omit<Node, "lost" | "following" | "alternative">): void {
    const base = node.parent >= 0 ? this.nodes[node.parent].lost : 0;
    const lost = base + node.top - node.logProbs[node.value - 1];
    node.logProbs[node.value - 1] = -Infinity;
    let best = NONE;
    node.logProbs.forEach((own, other) => {
      if (own > -Infinity && (best < 0 || own > node.logProbs[best])) best = other;
    });
    const alternative = best < 0 ? Infinity : base + node.top - node.logProbs[best];
    this.at = this.nodes.push({ ...node, lost, following: best + 1, alternative }) - 1;
  }

  // The last open alternative on the board's path.
  private latest(): number {
    let node = this.at;
    while (node >= 0 && this.nodes[node].alternative === Infinity) node = this.nodes[node].parent;
    return node;
  }

  // The open alternative that gives up the least, the latest among equals.
  private leastLost(): number {
    let best = NONE;
    this.nodes.forEach(({ alternative }, node) => {
      if (alternative < Infinity && (best < 0 || alternative <= this.nodes[best].alternative)) best = node;
    });
    return best;
  }
}
