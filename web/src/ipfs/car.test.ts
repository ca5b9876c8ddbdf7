import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readCar } from './car.ts';
import { CutOffError, DamagedError } from './error.ts';
import { addFile, carOf, noise } from './fixture.ts';
import { maxBlockBytes } from './verify.ts';

/** The bytes as a connection gives them: in pieces of any size. */
async function* inPieces(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, index = 0; at < bytes.length; index += 1) {
    const size = sizes[index % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

async function read(chunks: AsyncIterable<Uint8Array>): Promise<string[]> {
  const cids: string[] = [];
  for await (const { cid } of readCar(chunks)) cids.push(cid.toString());
  return cids;
}

const file = await addFile(noise(3_000), { leafBytes: 256, fanout: 4 });
const car = await carOf(file, 0, file.size);
const order = file.order(0, file.size).map(String);

describe('a CAR', () => {
  test('gives its blocks however it is cut into pieces', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 8 }), async (sizes) => {
        expect(await read(inPieces(car, sizes))).toEqual(order);
      }),
      { numRuns: 30 },
    );
  });

  test('gives a block before the next one has come', async () => {
    let given = 0;
    async function* slowly(): AsyncGenerator<Uint8Array> {
      for await (const piece of inPieces(car, [50])) {
        given += piece.length;
        yield piece;
      }
    }
    for await (const { bytes } of readCar(slowly())) {
      expect(bytes.length).toBeGreaterThan(0);
      break;
    }
    expect(given).toBeLessThan(1_000);
  });

  test('that is cut off anywhere within a block says so, after the blocks that were whole', async () => {
    for (const end of [10, 200, 800, car.length - 1]) {
      await expect(read(inPieces(car.subarray(0, end), [97]))).rejects.toBeInstanceOf(CutOffError);
    }
    await expect(read(inPieces(new Uint8Array(), [1]))).rejects.toBeInstanceOf(CutOffError);
  });

  test.each([
    ['is a web page', new TextEncoder().encode('<!doctype html><title>502 Bad Gateway</title>'.repeat(3))],
    ['has a header that is no CBOR', Uint8Array.from([5, 255, 255, 255, 255, 255])],
    ['has an empty section', Uint8Array.from([...car.subarray(0, 59), 0])],
  ])('that %s is refused', async (_name, bytes) => {
    await expect(read(inPieces(bytes, [1000]))).rejects.toBeInstanceOf(DamagedError);
  });

  test('with a block above the bound is refused before the block is held', async () => {
    const header = car.subarray(0, 1 + (car[0] ?? 0));
    let taken = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      // The length of a section: 2^28.
      yield Uint8Array.from([...header, 0x80, 0x80, 0x80, 0x80, 0x01]);
      for (;;) {
        taken += 65_536;
        yield new Uint8Array(65_536);
      }
    }
    await expect(read(endless())).rejects.toMatchObject({ kind: 'too_large' });
    expect(taken).toBeLessThan(maxBlockBytes);
  });
});
