/**
 * A file's UnixFS DAG, walked as its blocks come. Any layout (balanced, trickle), raw or dag-pb leaves, CIDv0 or v1.
 *
 *   CAR --block--> verify --> Walk.accept --> leaves of the range, with their place in the file
 *
 * Sizes are claims until they are met: each node must hold exactly as many bytes as its parent said, and the root as many as the offer
 * said, so that no leaf can stand anywhere but in its place.
 */
import * as dagPb from '@ipld/dag-pb';
import { UnixFS } from 'ipfs-unixfs';
import type { CID } from 'multiformats/cid';
import { DamagedError } from './error.ts';
import { checkHash } from './verify.ts';

const rawCodec = 0x55;
const maxDepth = 64;
/** Kubo writes 174 or 1024 links; a 2 MiB block has room for about 45,000. */
const maxLinks = 50_000;

/** Responses of ordinary files come nowhere near these: they bound what a hostile tree costs the page (its places, its bytes, its map). */
const placesAlways = 4_096;
const bytesOfOnePlace = 256;
const bytesAlways = 16 * 1024 * 1024;
const maxMappedLinks = 1_000_000;

export interface Child {
  readonly cid: CID;
  /** First byte, counted from the begin of its parent. */
  readonly start: number;
  readonly size: number;
}

export type Node =
  | { readonly kind: 'leaf'; readonly data: Uint8Array }
  /** Children without bytes are left out. */
  | { readonly kind: 'branch'; readonly children: readonly Child[]; readonly size: number };

export interface Leaf {
  readonly cid: CID;
  readonly start: number;
  readonly end: number;
  readonly data: Uint8Array;
}

/** Reads a verified block. */
export function parseNode(cid: CID, bytes: Uint8Array): Node {
  if (cid.code === rawCodec) return { kind: 'leaf', data: bytes };
  if (cid.code !== dagPb.code) {
    throw new DamagedError('unsupported_codec', cid.toString(), `a block of codec 0x${cid.code.toString(16)} is not part of a file`);
  }
  const malformed = (detail: string, cause?: unknown): DamagedError =>
    new DamagedError('malformed', cid.toString(), detail, cause === undefined ? undefined : { cause });
  let links: readonly { readonly Hash: CID }[];
  let file: UnixFS;
  try {
    const node = dagPb.decode(bytes);
    links = node.Links;
    file = UnixFS.unmarshal(node.Data ?? new Uint8Array());
  } catch (cause) {
    throw malformed('the block is not a UnixFS node', cause);
  }
  if (file.type !== 'file' && file.type !== 'raw') throw malformed(`the block is a ${file.type}, not a file`);
  const data = file.data ?? new Uint8Array();
  if (links.length === 0) {
    if (file.blockSizes.length > 0) throw malformed('the node has sizes of children that it does not have');
    return { kind: 'leaf', data };
  }
  if (data.length > 0) throw malformed('the node has both children and bytes of its own');
  if (links.length > maxLinks) throw malformed(`the node has ${links.length} children`);
  if (file.blockSizes.length !== links.length) throw malformed('the node has not one size for each of its children');
  const children: Child[] = [];
  let at = 0n;
  for (const [index, { Hash }] of links.entries()) {
    const size = file.blockSizes[index] ?? 0n;
    if (size > 0n) children.push({ cid: Hash, start: Number(at), size: Number(size) });
    at += size;
    if (at > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed('the node says that it is larger than any file');
  }
  return { kind: 'branch', children, size: Number(at) };
}

interface Place {
  readonly cid: CID;
  /** First byte, counted from the file's begin. */
  readonly start: number;
  /** A size that nobody has claimed yet (the root's, where no offer states it) is null. */
  readonly size: number | null;
  readonly depth: number;
}

/**
 * One response: the blocks of the file that hold bytes of `[from, to)`, depth first, each once. A block is parsed once, however often it
 * stands in the tree, and the places of the tree that are visited are bounded by the length of the range.
 */
export class Walk {
  readonly #from: number;
  readonly #to: number;
  readonly #leaves: LeafMap | null;
  /** What is still to come, the next on top. */
  readonly #pending: Place[];
  /** A CAR without duplicates sends a block once, wherever else it stands. */
  readonly #seen = new Map<string, Node>();
  #bytesLeft: number;
  #placesLeft: number;

  constructor(facts: { root: CID; size: number | null; from: number; to: number; leaves?: LeafMap }) {
    this.#from = facts.from;
    this.#to = facts.to;
    this.#leaves = facts.leaves ?? null;
    this.#leaves?.begin(facts.root);
    this.#pending = [{ cid: facts.root, start: 0, size: facts.size, depth: 0 }];
    const length = Math.max(0, facts.to - facts.from);
    this.#bytesLeft = bytesAlways + 2 * length;
    this.#placesLeft = placesAlways + Math.ceil(length / bytesOfOnePlace);
  }

  /** The block that must come next; null when the range is whole. */
  get expected(): CID | null {
    return this.#pending.at(-1)?.cid ?? null;
  }

  /** Takes the next block, verified already, and gives the leaves that it completes, in the file's order. */
  accept(cid: CID, bytes: Uint8Array): readonly Leaf[] {
    const expected = this.expected;
    if (expected === null) throw new DamagedError('unexpected', cid.toString(), 'the provider sent a block more than was asked for');
    const inPlace: boolean = expected.equals(cid);
    if (!inPlace) {
      throw new DamagedError('unexpected', expected.toString(), `the provider sent ${cid.toString()} in the place of this block`);
    }
    this.#bytesLeft -= bytes.length;
    if (this.#bytesLeft < 0)
      throw new DamagedError('too_large', cid.toString(), 'the file’s tree is far larger than the part that it holds');
    this.#seen.set(cid.toString(), parseNode(cid, bytes));
    const leaves: Leaf[] = [];
    for (;;) {
      const next = this.#pending.at(-1);
      const known = next === undefined ? undefined : this.#seen.get(next.cid.toString());
      if (next === undefined || known === undefined) return leaves;
      this.#pending.pop();
      this.#visit(next, known, leaves);
    }
  }

  #visit(place: Place, node: Node, leaves: Leaf[]): void {
    const size = node.kind === 'leaf' ? node.data.length : node.size;
    if (place.size !== null && size !== place.size) {
      throw new DamagedError(
        'malformed',
        place.cid.toString(),
        `the block holds ${size} bytes of the file where ${place.size} are said to be`,
      );
    }
    if (node.kind === 'leaf') {
      leaves.push({ cid: place.cid, start: place.start, end: place.start + size, data: node.data });
      return;
    }
    if (place.depth >= maxDepth)
      throw new DamagedError('too_deep', place.cid.toString(), `the file’s tree is deeper than ${maxDepth} nodes`);
    this.#leaves?.learn(place.cid, node.children);
    const first = countOf(node.children, (child) => place.start + child.start + child.size <= this.#from);
    const end = countOf(node.children, (child) => place.start + child.start < this.#to);
    this.#placesLeft -= Math.max(0, end - first);
    if (this.#placesLeft < 0) throw new DamagedError('malformed', place.cid.toString(), 'the file is cut into too many pieces');
    const wanted = node.children.slice(first, end);
    for (const child of wanted) checkHash(child.cid);
    for (const { cid, start, size } of wanted.reverse()) {
      this.#pending.push({ cid, start: place.start + start, size, depth: place.depth + 1 });
    }
  }
}

/**
 * Where leaves are known to begin, so that requests can begin there too: a provider counts a leaf whole each time it sends it. It is the
 * file's tree as far as it has been seen, each of its blocks once: to learn a block costs the same, however often it stands in the tree.
 */
export class LeafMap {
  #root: string | null = null;
  readonly #branches = new Map<string, readonly Child[]>();
  #links = 0;

  /** A map is of one file. */
  begin(root: CID): void {
    this.#root = root.toString();
  }

  learn(cid: CID, children: readonly Child[]): void {
    const key = cid.toString();
    if (this.#branches.has(key)) return;
    this.#branches.set(key, children);
    this.#links += children.length;
    // What is forgotten is learned again with the next response that needs it.
    for (const [oldest, { length }] of this.#branches) {
      if (this.#links <= maxMappedLinks) return;
      this.#branches.delete(oldest);
      this.#links -= length;
    }
  }

  /** The first byte of the leaf that holds `offset`; `offset` itself where no leaf is known. */
  startOf(offset: number): number {
    return this.#at(offset)?.start ?? offset;
  }

  /** One past the last byte of the leaf that holds `offset - 1`; `offset` itself where no leaf is known. */
  endOf(offset: number): number {
    return this.#at(offset - 1)?.end ?? offset;
  }

  #at(offset: number): { start: number; end: number } | null {
    let [key, start] = [this.#root, 0];
    for (let depth = 0; depth <= maxDepth && key !== null; depth += 1) {
      const children: readonly Child[] = this.#branches.get(key) ?? [];
      const child = children[countOf(children, (entry) => start + entry.start <= offset) - 1];
      if (child === undefined || offset >= start + child.start + child.size) return null;
      start += child.start;
      if (child.cid.code === rawCodec) return { start, end: start + child.size };
      key = child.cid.toString();
    }
    return null;
  }
}

/** How many children stand before the first one of which `holds` is false; it is true of those before a point and of none after it. */
function countOf(children: readonly Child[], holds: (child: Child) => boolean): number {
  let [low, high] = [0, children.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const child = children[middle];
    if (child !== undefined && holds(child)) low = middle + 1;
    else high = middle;
  }
  return low;
}
