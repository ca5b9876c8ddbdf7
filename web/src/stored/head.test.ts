import { CID } from 'multiformats/cid';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Leaf } from '../ipfs/dag.ts';
import { HeadReader } from './head.ts';

function box(type: string, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(8 + body.length);
  new DataView(bytes.buffer).setUint32(0, bytes.length);
  bytes.set(new TextEncoder().encode(type), 4);
  bytes.set(body, 8);
  return bytes;
}

/** A head with a description of so many bytes, an index of one subsegment of 2 s, and its media. */
function film(describedBytes: number, mediaBytes: number): { bytes: Uint8Array; begin: number } {
  const index = new DataView(new ArrayBuffer(36));
  index.setUint32(8, 1000);
  index.setUint16(22, 1);
  index.setUint32(24, mediaBytes);
  index.setUint32(28, 2000);
  const head = [box('ftyp', new Uint8Array(8)), box('moov', new Uint8Array(describedBytes)), box('sidx', new Uint8Array(index.buffer))];
  const parts = [...head, new Uint8Array(mediaBytes).fill(7)];
  return { bytes: new Uint8Array(Buffer.concat(parts)), begin: Buffer.concat(head).length };
}

const cid = CID.parse('bafkreiefezspyd57xh6mmjfgvcglji4vfnrjvzwod3mn6cnziytoz6ny7y');
function leavesOf(bytes: Uint8Array, leafBytes: number): Leaf[] {
  return Array.from({ length: Math.ceil(bytes.length / leafBytes) }, (_, index) => {
    const start = index * leafBytes;
    const data = bytes.subarray(start, start + leafBytes);
    return { cid, start, end: start + data.length, data };
  });
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('the head of a video', () => {
  test('that comes in tiny leaves is copied a few times in all, and not once for each leaf', () => {
    const { bytes } = film(2_000_000, 1_000);
    const leaves = leavesOf(bytes, 1_000);
    const reader = new HeadReader(bytes.length);
    let copied = 0;
    const set = Uint8Array.prototype.set;
    vi.spyOn(Uint8Array.prototype, 'set').mockImplementation(function (this: Uint8Array, from: ArrayLike<number>, at?: number) {
      copied += from.length;
      set.call(this, from, at);
    });
    for (const leaf of leaves) reader.take(leaf);
    expect(reader.head?.timeline.durationMs).toBe(2000);
    expect(copied).toBeLessThan(4 * bytes.length);
  });

  test('is known with the leaf that ends it, and keeps the media that comes along', () => {
    const { bytes, begin } = film(10_000, 5_000);
    const reader = new HeadReader(bytes.length);
    for (const leaf of leavesOf(bytes, 700)) {
      expect(reader.next).toBe(leaf.start);
      if (reader.head === null) expect(reader.until).toBeGreaterThan(leaf.start);
      reader.take(leaf);
      expect(reader.head !== null).toBe(leaf.end >= begin);
    }
    expect(Buffer.from(reader.head?.bytes ?? []).equals(bytes)).toBe(true);
    expect(reader.head?.init.length).toBe(begin);
    expect(reader.taken).toHaveLength(Math.ceil(bytes.length / 700));
  });
});
