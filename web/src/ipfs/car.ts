/** A CARv1 stream, block by block as it comes. `@ipld/car` reads it; the guard in front of it keeps what it would hold in memory small. */
import { CarBlockIterator } from '@ipld/car/iterator';
import type { CID } from 'multiformats/cid';
import { CutOffError, DamagedError } from './error.ts';
import { maxBlockBytes } from './verify.ts';

/** A section is a CID (36 bytes, rarely some more) and a block. */
const maxSectionBytes = maxBlockBytes + 128;
const maxHeaderBytes = 1024;

export interface CarBlock {
  readonly cid: CID;
  readonly bytes: Uint8Array;
}

/** Throws a `CutOffError` when the stream ends within a block, and a `DamagedError` when it is not a CAR. */
export async function* readCar(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<CarBlock> {
  try {
    const blocks = await CarBlockIterator.fromIterable(guard(chunks));
    if (blocks.version !== 1) throw new DamagedError('malformed', null, 'the provider sent a CAR of another version');
    for await (const { cid, bytes } of blocks) yield { cid: cid as CID, bytes };
  } catch (error) {
    if (error instanceof DamagedError || error instanceof CutOffError) throw error;
    if (error instanceof DOMException || error instanceof TypeError) throw error;
    throw new DamagedError('malformed', null, 'the provider sent something that is not a CAR', { cause: error });
  }
}

/** Lets the chunks through while every section's stated length is within the bounds. */
async function* guard(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const sections = new Sections();
  for await (const chunk of chunks) {
    sections.pass(chunk);
    yield chunk;
  }
  if (!sections.whole) throw new CutOffError('The provider’s answer was cut off.');
}

class Sections {
  #header = true;
  /** Of the section under way. */
  #left = 0;
  #length = 0;
  #shift = 0;

  get whole(): boolean {
    return this.#left === 0 && this.#shift === 0 && !this.#header;
  }

  pass(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, chunk.length - at);
        this.#left -= taken;
        at += taken;
        continue;
      }
      const byte = chunk[at] ?? 0;
      at += 1;
      this.#length += (byte & 0x7f) * 2 ** this.#shift;
      this.#shift += 7;
      const bound = this.#header ? maxHeaderBytes : maxSectionBytes;
      if (this.#length > bound || this.#shift > 35) {
        throw new DamagedError('too_large', null, `the provider sent a block of more than ${maxBlockBytes} bytes`);
      }
      if (byte >= 0x80) continue;
      if (this.#length === 0) throw new DamagedError('malformed', null, 'the provider sent a CAR with an empty section');
      this.#left = this.#length;
      [this.#length, this.#shift, this.#header] = [0, 0, false];
    }
  }
}
