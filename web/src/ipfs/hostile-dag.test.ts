/** What a hostile tree costs the page, counted in blocks that are parsed and places that are given. */
import * as dagPb from '@ipld/dag-pb';
import { CID } from 'multiformats/cid';
import { sha256 } from 'multiformats/hashes/sha2';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { LeafMap, Walk } from './dag.ts';
import { DamagedError } from './error.ts';
import { encodeBranch, noise } from './fixture.ts';

const { parsed } = vi.hoisted(() => ({ parsed: { blocks: 0, links: 0 } }));
vi.mock('@ipld/dag-pb', async (original) => {
  const real = await original<typeof dagPb>();
  const decode: typeof real.decode = (bytes) => {
    const node = real.decode(bytes);
    parsed.blocks += 1;
    parsed.links += node.Links.length;
    return node;
  };
  return { ...real, decode };
});

beforeEach(() => {
  [parsed.blocks, parsed.links] = [0, 0];
});

interface Block {
  readonly cid: CID;
  readonly bytes: Uint8Array;
  readonly size: number;
}

const blockOf = async (bytes: Uint8Array, size: number, codec: number): Promise<Block> => ({
  cid: CID.createV1(codec, await sha256.digest(bytes)),
  bytes,
  size,
});
const leafOf = (bytes: Uint8Array): Promise<Block> => blockOf(bytes, bytes.length, 0x55);
const branchOf = (children: readonly Block[]): Promise<Block> =>
  blockOf(
    encodeBranch(children.map(({ cid, size, bytes }) => ({ cid, size, encodedBytes: bytes.length }))),
    children.reduce((sum, { size }) => sum + size, 0),
    dagPb.code,
  );
const times = (count: number, block: Block): Block[] => Array.from({ length: count }, () => block);

/** Gives a walk the blocks that it asks for, until it has all or refuses one. */
function give(walk: Walk, blocks: readonly Block[]): { leaves: number; fault: string | null } {
  const byCid = new Map(blocks.map((block) => [block.cid.toString(), block]));
  let leaves = 0;
  try {
    for (let next = walk.expected; next !== null; next = walk.expected) {
      leaves += walk.accept(next, byCid.get(next.toString())?.bytes ?? new Uint8Array()).length;
    }
  } catch (error) {
    if (!(error instanceof DamagedError)) throw error;
    return { leaves, fault: error.kind };
  }
  return { leaves, fault: null };
}

describe('a hostile tree', { timeout: 60_000 }, () => {
  test('in which the same blocks stand a million times over is refused, and each is parsed once', async () => {
    let node = await leafOf(noise(1));
    const blocks = [node];
    for (let level = 0; level < 20; level += 1) {
      node = await branchOf([node, node]);
      blocks.push(node);
    }
    const walk = new Walk({ root: node.cid, size: node.size, from: 0, to: node.size, leaves: new LeafMap() });
    expect(give(walk, blocks)).toEqual({ leaves: 0, fault: 'malformed' });
    expect(parsed.blocks).toBeLessThanOrEqual(20);
  });

  test('of wide nodes that stand in many places costs no more than their own bytes', async () => {
    const leaf = await leafOf(noise(400));
    const wide = await branchOf(times(500, leaf));
    const wider = await branchOf(times(40, wide));
    const leaves = new LeafMap();
    const walk = new Walk({ root: wider.cid, size: wider.size, from: 0, to: wider.size, leaves });
    expect(give(walk, [leaf, wide, wider])).toEqual({ leaves: 20_000, fault: null });
    expect(parsed).toEqual({ blocks: 2, links: 540 });
    expect([leaves.startOf(7_999_999), leaves.endOf(7_999_999)]).toEqual([7_999_600, 8_000_000]);
  });

  test('of a wide node is walked in the part that was asked for', async () => {
    const leaf = await leafOf(noise(1));
    const wide = await branchOf(times(40_000, leaf));
    const walk = new Walk({ root: wide.cid, size: wide.size, from: 39_990, to: 40_000 });
    expect(give(walk, [leaf, wide])).toEqual({ leaves: 10, fault: null });
    const whole = new Walk({ root: wide.cid, size: wide.size, from: 0, to: 40_000 });
    expect(give(whole, [leaf, wide])).toEqual({ leaves: 0, fault: 'malformed' });
  });

  test('of blocks that hold hardly any of the file is refused before they fill the memory', async () => {
    const leaf = await leafOf(noise(1));
    const other = await leafOf(noise(1, 2));
    const blocks = [leaf, other];
    let node = await branchOf([other]);
    let sent = 0;
    // Each link of the chain is a block of its own with 40,000 children, of which the last one's first is wanted.
    for (let level = 0; level < 12; level += 1) {
      node = await branchOf([node, ...times(40_000 + level, leaf)]);
      blocks.push(node);
      sent += node.bytes.length;
    }
    expect(sent).toBeGreaterThan(17 * 1024 * 1024);
    const walk = new Walk({ root: node.cid, size: node.size, from: 0, to: 1 });
    expect(give(walk, [...blocks, await branchOf([other])]).fault).toBe('too_large');
  });

  test('whose leaves and nodes take turns is mapped place by place', async () => {
    const leaves = new LeafMap();
    const leaf = await leafOf(noise(100));
    const inner = await branchOf([await leafOf(noise(60)), await leafOf(noise(50))]);
    const root = await branchOf(Array.from({ length: 300 }, (_, index) => (index % 2 === 0 ? leaf : inner)));
    const walk = new Walk({ root: root.cid, size: root.size, from: 0, to: root.size, leaves });
    const blocks = [leaf, inner, root, await leafOf(noise(60)), await leafOf(noise(50))];
    expect(give(walk, blocks)).toEqual({ leaves: 450, fault: null });
    const at = 210 * 149;
    expect([at, at + 99, at + 100, at + 159, at + 160, at + 209].map((offset) => leaves.startOf(offset) - at)).toEqual([
      0, 0, 100, 100, 160, 160,
    ]);
    expect([at + 1, at + 101, at + 161].map((offset) => leaves.endOf(offset) - at)).toEqual([100, 160, 210]);
  });
});
