/** For tests: a file as IPFS adds it (CIDv1, raw leaves, balanced), and the CAR that answers a range of it. */
import { CarWriter } from '@ipld/car/writer';
import * as dagPb from '@ipld/dag-pb';
import { UnixFS } from 'ipfs-unixfs';
import { CID } from 'multiformats/cid';
import { sha256 } from 'multiformats/hashes/sha2';

export interface FileDag {
  readonly root: CID;
  readonly size: number;
  readonly blocks: ReadonlyMap<string, { readonly cid: CID; readonly bytes: Uint8Array }>;
  /** The CIDs of a range's blocks, depth first, each once. */
  order(from: number, to: number): readonly CID[];
}

interface Place {
  readonly cid: CID;
  readonly size: number;
  readonly encodedBytes: number;
}

export async function addFile(
  data: Uint8Array,
  { leafBytes = 262_144, fanout = 174, leaves = 'raw' }: { leafBytes?: number; fanout?: number; leaves?: 'raw' | 'dag-pb' } = {},
): Promise<FileDag> {
  const blocks = new Map<string, { cid: CID; bytes: Uint8Array }>();
  const children = new Map<string, readonly Place[]>();
  const put = async (codec: number, bytes: Uint8Array): Promise<CID> => {
    const cid = CID.createV1(codec, await sha256.digest(bytes));
    blocks.set(cid.toString(), { cid, bytes });
    return cid;
  };
  let level: Place[] = [];
  for (let at = 0; at < Math.max(1, data.length); at += leafBytes) {
    const slice = data.subarray(at, at + leafBytes);
    const bytes = leaves === 'raw' ? slice : dagPb.encode({ Data: new UnixFS({ type: 'file', data: slice }).marshal(), Links: [] });
    level.push({ cid: await put(leaves === 'raw' ? 0x55 : dagPb.code, bytes), size: slice.length, encodedBytes: bytes.length });
  }
  while (level.length > 1) {
    const next: Place[] = [];
    for (let at = 0; at < level.length; at += fanout) {
      const group = level.slice(at, at + fanout);
      const bytes = encodeBranch(group);
      const cid = await put(dagPb.code, bytes);
      children.set(cid.toString(), group);
      const sum = (pick: (place: Place) => number): number => group.reduce((total, place) => total + pick(place), 0);
      next.push({ cid, size: sum((place) => place.size), encodedBytes: bytes.length + sum((place) => place.encodedBytes) });
    }
    level = next;
  }
  const [root] = level;
  if (root === undefined) throw new Error('a file has a root');
  const order = (from: number, to: number): readonly CID[] => {
    const found = new Map<string, CID>();
    const visit = (place: Place, start: number): void => {
      found.set(place.cid.toString(), place.cid);
      let at = start;
      for (const child of children.get(place.cid.toString()) ?? []) {
        if (at < to && at + child.size > from) visit(child, at);
        at += child.size;
      }
    };
    visit(root, 0);
    return [...found.values()];
  };
  return { root: root.cid, size: root.size, blocks, order };
}

export function encodeBranch(children: readonly { cid: CID; size: number; encodedBytes: number }[]): Uint8Array {
  const file = new UnixFS({ type: 'file', blockSizes: children.map(({ size }) => BigInt(size)) });
  return dagPb.encode({
    Data: file.marshal(),
    Links: children.map(({ cid, encodedBytes }) => ({ Name: '', Tsize: encodedBytes, Hash: cid })),
  });
}

export async function writeCar(root: CID, blocks: readonly { readonly cid: CID; readonly bytes: Uint8Array }[]): Promise<Uint8Array> {
  const { writer, out } = CarWriter.create([root]);
  const written = (async () => {
    for (const block of blocks) await writer.put(block);
    await writer.close();
  })();
  const parts: Uint8Array[] = [];
  for await (const part of out) parts.push(part);
  await written;
  return new Uint8Array(Buffer.concat(parts));
}

/** The whole answer to a range. */
export async function carOf(file: FileDag, from: number, to: number): Promise<Uint8Array> {
  return writeCar(
    file.root,
    file.order(from, to).flatMap((cid) => file.blocks.get(cid.toString()) ?? []),
  );
}

/** Bytes that look random and are the same each time. */
export function noise(length: number, seed = 1): Uint8Array {
  let state = seed >>> 0 || 1;
  return Uint8Array.from({ length }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state & 0xff;
  });
}
