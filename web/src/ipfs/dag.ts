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

export interface Child {
  readonly cid: CID;
  /** First byte, counted from the file's begin. */
  readonly start: number;
  readonly size: number;
}

export type Node =
  | { readonly kind: 'leaf'; readonly data: Uint8Array }
  | { readonly kind: 'branch'; readonly children: readonly Child[]; readonly size: number };

export interface Leaf {
  readonly cid: CID;
  readonly start: number;
  readonly end: number;
  readonly data: Uint8Array;
}

/** Reads a verified block whose content begins at `start` of the file. */
export function parseNode(cid: CID, bytes: Uint8Array, start = 0): Node {
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
  let at = BigInt(start);
  const children = links.map(({ Hash }, index): Child => {
    const size = file.blockSizes[index] ?? 0n;
    const child = { cid: Hash, start: Number(at), size: Number(size) };
    at += size;
    if (at > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed('the node says that it is larger than any file');
    return child;
  });
  return { kind: 'branch', children, size: Number(at) - start };
}

/** One response: the blocks of the file that hold bytes of `[from, to)`, depth first, each once. */
export class Walk {
  readonly #from: number;
  readonly #to: number;
  readonly #leaves: LeafMap | null;
  /** What is still to come, the next on top. A size that nobody has claimed yet (the root's, where no offer states it) is null. */
  readonly #pending: { readonly cid: CID; readonly start: number; readonly size: number | null; readonly depth: number }[];
  /** A CAR without duplicates sends a block once, wherever else it stands. */
  readonly #seen = new Map<string, Uint8Array>();

  constructor(facts: { root: CID; size: number | null; from: number; to: number; leaves?: LeafMap }) {
    this.#from = facts.from;
    this.#to = facts.to;
    this.#leaves = facts.leaves ?? null;
    this.#pending = [{ cid: facts.root, start: 0, size: facts.size, depth: 0 }];
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
    this.#seen.set(cid.toString(), bytes);
    const leaves: Leaf[] = [];
    for (;;) {
      const next = this.#pending.at(-1);
      const known = next === undefined ? undefined : this.#seen.get(next.cid.toString());
      if (next === undefined || known === undefined) return leaves;
      this.#pending.pop();
      this.#visit(next, known, leaves);
    }
  }

  #visit(place: { cid: CID; start: number; size: number | null; depth: number }, bytes: Uint8Array, leaves: Leaf[]): void {
    const node = parseNode(place.cid, bytes, place.start);
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
    this.#leaves?.learn(node.children);
    const wanted = node.children.filter((child) => child.size > 0 && child.start < this.#to && child.start + child.size > this.#from);
    for (const child of wanted) checkHash(child.cid);
    for (const child of wanted.reverse()) this.#pending.push({ ...child, depth: place.depth + 1 });
  }
}

/** Where leaves are known to begin, so that requests can begin there too: a provider counts a leaf whole each time it sends it. */
export class LeafMap {
  #starts: number[] = [];
  #ends: number[] = [];

  learn(children: readonly Child[]): void {
    const raw = children.filter((child) => child.cid.code === rawCodec && child.size > 0);
    const [first] = raw;
    if (first === undefined || this.#at(first.start) !== null) return;
    const before = this.#count(first.start);
    this.#starts.splice(before, 0, ...raw.map((child) => child.start));
    this.#ends.splice(before, 0, ...raw.map((child) => child.start + child.size));
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
    const index = this.#count(offset + 1) - 1;
    const [start, end] = [this.#starts[index], this.#ends[index]];
    return start === undefined || end === undefined || offset < start || offset >= end ? null : { start, end };
  }

  /** How many known leaves begin before `offset`. */
  #count(offset: number): number {
    let [low, high] = [0, this.#starts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#starts[middle] ?? 0) < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
