import { createCipheriv } from 'node:crypto';
import * as dagPb from '@ipld/dag-pb';
import fc from 'fast-check';
import { UnixFS } from 'ipfs-unixfs';
import { CID } from 'multiformats/cid';
import * as Digest from 'multiformats/hashes/digest';
import { sha256 } from 'multiformats/hashes/sha2';
import { describe, expect, test } from 'vitest';
import { type Leaf, LeafMap, parseNode, Walk } from './dag.ts';
import { DamagedError, type DamageKind } from './error.ts';
import { addFile, encodeBranch, type FileDag, noise } from './fixture.ts';
import { maxBlockBytes, parseCid, verifyBlock } from './verify.ts';

const faultOf = async (act: () => unknown): Promise<{ kind: DamageKind; cid: string | null } | null> => {
  try {
    await act();
  } catch (error) {
    if (error instanceof DamagedError) return { kind: error.kind, cid: error.cid };
    throw error;
  }
  return null;
};

const cidOf = async (bytes: Uint8Array, codec: number = dagPb.code): Promise<CID> => CID.createV1(codec, await sha256.digest(bytes));

async function walk(file: FileDag, from: number, to: number): Promise<readonly Leaf[]> {
  const walking = new Walk({ root: file.root, size: file.size, from, to });
  const leaves: Leaf[] = [];
  for (const cid of file.order(from, to)) {
    const bytes = file.blocks.get(cid.toString())?.bytes ?? new Uint8Array();
    await verifyBlock(cid, bytes);
    leaves.push(...walking.accept(cid, bytes));
  }
  expect(walking.expected).toBeNull();
  return leaves;
}

describe('a block', () => {
  test('is what its CID names, or is refused by its CID', async () => {
    const bytes = noise(5000);
    const cid = await cidOf(bytes, 0x55);
    await verifyBlock(cid, bytes);
    const flipped = bytes.slice();
    flipped[4000] = (flipped[4000] ?? 0) ^ 1;
    expect(await faultOf(() => verifyBlock(cid, flipped))).toEqual({ kind: 'mismatch', cid: cid.toString() });
    expect(await faultOf(() => verifyBlock(cid, bytes.subarray(1)))).toEqual({ kind: 'mismatch', cid: cid.toString() });
  });

  test('over 2 MiB is refused', async () => {
    const bytes = new Uint8Array(maxBlockBytes + 1);
    expect((await faultOf(async () => verifyBlock(await cidOf(bytes), bytes)))?.kind).toBe('too_large');
  });

  test.each([
    ['an identity hash', 0x00, 8],
    ['SHA2-512', 0x13, 64],
    ['a hash that nobody knows', 0x7777, 32],
    ['a SHA2-256 that is cut short', 0x12, 20],
  ])('with %s is refused', async (_name, code, length) => {
    const cid = CID.createV1(0x55, Digest.create(code, new Uint8Array(length)));
    expect(await faultOf(() => verifyBlock(cid, new Uint8Array(length)))).toEqual({ kind: 'unsupported_hash', cid: cid.toString() });
    expect((await faultOf(() => parseCid(cid.toString())))?.kind).toBe('unsupported_hash');
  });

  test('is named by a CID and by nothing else', async () => {
    expect((await faultOf(() => parseCid('../../etc/passwd')))?.kind).toBe('malformed');
    expect(parseCid('QmPC32jRm34aeViMx26f52btBHBWH53r8ur1Zer5WRoYUw').version).toBe(0);
  });
});

describe('a walk', () => {
  test('agrees with Kubo on what a file of 1,000,000 bytes is called', async () => {
    const cipher = createCipheriv('aes-128-ctr', new Uint8Array(16), new Uint8Array(16));
    const file = await addFile(new Uint8Array(cipher.update(new Uint8Array(1_000_000))));
    expect(file.root.toString()).toBe('bafybeie56llhlo235yumoc6vlvuxoacjachulrwvhfifburb32dwzd2a7u');
  });

  test.each(['raw', 'dag-pb'] as const)('gives every range of a file with %s leaves, leaf by leaf', async (leaves) => {
    const data = noise(10_000);
    const file = await addFile(data, { leafBytes: 100, fanout: 4, leaves });
    await fc.assert(
      fc.asyncProperty(fc.nat(9_999), fc.integer({ min: 1, max: 10_000 }), async (from, length) => {
        const to = Math.min(10_000, from + length);
        const got = await walk(file, from, to);
        expect(got.map(({ start }) => start)).toEqual(
          Array.from({ length: Math.ceil(to / 100) - Math.floor(from / 100) }, (_, index) => (Math.floor(from / 100) + index) * 100),
        );
        for (const leaf of got) expect(Buffer.from(leaf.data).equals(data.subarray(leaf.start, leaf.end))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test('gives a block that stands in several places as often as it stands there, though it comes once', async () => {
    const file = await addFile(new Uint8Array(5_000), { leafBytes: 100, fanout: 4 });
    expect(file.blocks.size).toBeLessThan(10);
    const leaves = await walk(file, 0, 5_000);
    expect(leaves).toHaveLength(50);
    expect(leaves.at(-1)?.end).toBe(5_000);
  });

  test('reads a file that is one block', async () => {
    const file = await addFile(noise(99), { leafBytes: 100 });
    expect(await walk(file, 0, 99)).toHaveLength(1);
  });

  test('accepts its blocks in their order and no others', async () => {
    const file = await addFile(noise(1_000), { leafBytes: 100 });
    const [root, first, second] = file.order(0, 1_000);
    const bytesOf = (cid: CID | undefined) => file.blocks.get(cid?.toString() ?? '')?.bytes ?? new Uint8Array();
    const walking = new Walk({ root: file.root, size: file.size, from: 0, to: 100 });
    const give = (cid: CID | undefined) => faultOf(() => walking.accept(cid ?? file.root, bytesOf(cid)));
    expect((await give(first))?.kind).toBe('unexpected');
    expect(await give(root)).toBeNull();
    expect(await give(second)).toEqual({ kind: 'unexpected', cid: first?.toString() });
    expect(await give(first)).toBeNull();
    expect((await give(second))?.kind).toBe('unexpected');
  });

  test('refuses a file that is larger or smaller than the offer says', async () => {
    const file = await addFile(noise(1_000), { leafBytes: 100 });
    const bytes = file.blocks.get(file.root.toString())?.bytes ?? new Uint8Array();
    for (const size of [999, 1_001]) {
      const walking = new Walk({ root: file.root, size, from: 0, to: 1 });
      expect((await faultOf(() => walking.accept(file.root, bytes)))?.kind).toBe('malformed');
    }
  });

  test('refuses a child that is not as large as its parent says, before any of it is used', async () => {
    const leaf = noise(100);
    const cid = await cidOf(leaf, 0x55);
    const root = encodeBranch([{ cid, size: 101, encodedBytes: 100 }]);
    const walking = new Walk({ root: await cidOf(root), size: 101, from: 0, to: 101 });
    walking.accept(await cidOf(root), root);
    expect(await faultOf(() => walking.accept(cid, leaf))).toEqual({ kind: 'malformed', cid: cid.toString() });
  });

  test('refuses a tree that is too deep', async () => {
    let child = { cid: await cidOf(noise(10), 0x55), size: 10, encodedBytes: 10 };
    const blocks: { cid: CID; bytes: Uint8Array }[] = [];
    for (let depth = 0; depth < 70; depth += 1) {
      const bytes = encodeBranch([child]);
      child = { ...child, cid: await cidOf(bytes) };
      blocks.push({ cid: child.cid, bytes });
    }
    const walking = new Walk({ root: child.cid, size: 10, from: 0, to: 10 });
    const fault = await faultOf(() => {
      for (const { cid, bytes } of blocks.reverse()) walking.accept(cid, bytes);
    });
    expect(fault?.kind).toBe('too_deep');
  });

  test('is not blown up by a tree that says it is larger than any file, nor by children without bytes', async () => {
    const leaf = { cid: await cidOf(noise(10), 0x55), size: 10, encodedBytes: 10 };
    const vast = encodeBranch(Array.from({ length: 4 }, () => ({ ...leaf, size: Number.MAX_SAFE_INTEGER })));
    expect((await faultOf(async () => parseNode(await cidOf(vast), vast)))?.kind).toBe('malformed');
    const hollow = encodeBranch([...Array.from({ length: 1000 }, () => ({ ...leaf, size: 0 })), leaf]);
    const walking = new Walk({ root: await cidOf(hollow), size: 10, from: 0, to: 10 });
    walking.accept(await cidOf(hollow), hollow);
    expect(walking.accept(leaf.cid, noise(10))).toHaveLength(1);
    expect(walking.expected).toBeNull();
  });

  test.each([
    ['a folder', dagPb.encode({ Data: new UnixFS({ type: 'directory' }).marshal(), Links: [] })],
    ['a symbolic link', dagPb.encode({ Data: new UnixFS({ type: 'symlink', data: noise(4) }).marshal(), Links: [] })],
    ['not protobuf', noise(300)],
    ['without UnixFS', dagPb.encode({ Data: noise(40), Links: [] })],
    [
      'with sizes of children that it does not have',
      dagPb.encode({ Data: new UnixFS({ type: 'file', blockSizes: [1n] }).marshal(), Links: [] }),
    ],
  ])('refuses a node that is %s', async (_name, bytes) => {
    expect((await faultOf(async () => parseNode(await cidOf(bytes), bytes)))?.kind).toBe('malformed');
  });

  test('refuses a child whose hash cannot be checked when its parent is read', async () => {
    const identity = CID.createV1(0x55, Digest.create(0, noise(10)));
    const bytes = encodeBranch([{ cid: identity, size: 10, encodedBytes: 10 }]);
    const walking = new Walk({ root: await cidOf(bytes), size: 10, from: 0, to: 10 });
    expect(await faultOf(async () => walking.accept(await cidOf(bytes), bytes))).toEqual({
      kind: 'unsupported_hash',
      cid: identity.toString(),
    });
  });

  test('learns where leaves begin', async () => {
    const file = await addFile(noise(1_050), { leafBytes: 100, fanout: 4 });
    const leaves = new LeafMap();
    const walking = new Walk({ root: file.root, size: file.size, from: 450, to: 451, leaves });
    for (const cid of file.order(450, 451)) walking.accept(cid, file.blocks.get(cid.toString())?.bytes ?? new Uint8Array());
    expect([leaves.startOf(450), leaves.endOf(451), leaves.startOf(799), leaves.endOf(800)]).toEqual([400, 500, 700, 800]);
    expect([leaves.startOf(399), leaves.endOf(801), leaves.endOf(400)]).toEqual([399, 801, 400]);
  });
});
