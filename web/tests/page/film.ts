/** A stored video and its provider's gateway: CARs of any range, and the ways in which they may go wrong. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { CID } from 'multiformats/cid';
import { addFile, type FileDag, writeCar } from '../../src/ipfs/fixture.ts';
import { costOfLeaf, readTimeline, type Timeline } from '../../src/stored/timeline.ts';
import type { Meter } from './meter.ts';

export const filmMs = 60_000;
export const leafBytes = 262_144;
const formats = {
  both: { kind: 'video', codecs: 'avc1.64001e, mp4a.40.2', maps: ['-map', '0:v', '-map', '1:a'] },
  picture: { kind: 'video', codecs: 'avc1.64001e', maps: ['-map', '0:v'] },
  sound: { kind: 'audio', codecs: 'mp4a.40.2', maps: ['-map', '1:a'] },
} as const;

export interface Request {
  readonly from: number;
  readonly to: number;
}

export class Film {
  readonly cid: string;
  readonly requests: Request[] = [];
  /** The leaf with this number comes with a flipped bit. */
  spoiltLeaf: number | null = null;
  /** So many answers from now on are cut off after so many bytes. */
  cutOffs = 0;
  cutOffAfter = 300_000;
  status = 200;
  free = true;
  /** Of a session: a leaf goes out when the meter lets it. */
  meter: Meter | null = null;
  mimeType: string;
  readonly #file: FileDag;
  readonly #timeline: Timeline;

  private constructor(file: FileDag, timeline: Timeline, mimeType: string) {
    this.#file = file;
    this.#timeline = timeline;
    this.cid = file.root.toString();
    this.mimeType = mimeType;
  }

  /** A minute of test picture and tone, prepared as the streamer prepares an upload: fragments of 2 s, and one index before them. */
  static async prepare(
    folder: string,
    tracks: keyof typeof formats = 'both',
    spoil: (bytes: Uint8Array) => void = () => {},
  ): Promise<Film> {
    const { kind, codecs, maps } = formats[tracks];
    const path = join(folder, `${tracks}.mp4`);
    const source = (filter: string) => ['-f', 'lavfi', '-i', `${filter}:duration=${filmMs / 1000}`];
    execFileSync(process.env.FFMPEG ?? 'ffmpeg', [
      ...['-v', 'error', '-y', ...source('testsrc=size=640x360:rate=24'), ...source('sine=frequency=440'), ...maps],
      ...(tracks === 'sound' ? [] : ['-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-preset', 'veryfast', '-profile:v', 'high', '-level', '3']),
      ...(tracks === 'sound' ? [] : ['-b:v', '2M', '-minrate', '2M', '-maxrate', '2M', '-bufsize', '2M', '-x264-params', 'nal-hrd=cbr']),
      ...['-g', '48', '-keyint_min', '48', '-sc_threshold', '0', ...(tracks === 'picture' ? [] : ['-c:a', 'aac', '-b:a', '96k'])],
      ...(tracks === 'sound' ? ['-frag_duration', '2000000'] : []),
      ...['-movflags', `${tracks === 'sound' ? '' : 'frag_keyframe+'}empty_moov+default_base_moof+dash+global_sidx`, path],
    ]);
    const bytes = new Uint8Array(readFileSync(path));
    spoil(bytes);
    return new Film(await addFile(bytes, { leafBytes }), readTimeline(bytes, bytes.length), `${kind}/mp4; codecs="${codecs}"`);
  }

  /** Until a test changes it. */
  reset(): void {
    this.requests.length = 0;
    [this.spoiltLeaf, this.cutOffs, this.cutOffAfter, this.status, this.free, this.meter] = [null, 0, 300_000, 200, true, null];
  }

  get size(): number {
    return this.#file.size;
  }

  get leafCids(): readonly string[] {
    return this.#file
      .order(0, this.size)
      .filter((cid) => cid.code === 0x55)
      .map(String);
  }

  offer() {
    return { cid: this.cid, size: this.size, duration_ms: filmMs, mime_type: this.mimeType, picture: null, free: this.free };
  }

  async answer(cid: string, range: string | null, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [from = 0, to = 0] = (range ?? '').split(':').map(Number);
    this.requests.push({ from, to });
    if (cid !== this.cid || this.status !== 200) {
      const status = this.status === 200 ? 404 : this.status;
      response
        .writeHead(status, { 'content-type': 'application/problem+json' })
        .end(JSON.stringify({ code: 'not_found', detail: 'no such block here' }));
      return;
    }
    const { meter } = this;
    if (meter !== null && request.headers.authorization !== `Bearer ${meter.token}`) {
      response.writeHead(402, { 'content-type': 'application/problem+json' }).end(JSON.stringify({ code: 'payment_required', detail: '' }));
      return;
    }
    const spoilt = this.spoiltLeaf === null ? null : this.leafCids[this.spoiltLeaf];
    const blocks = this.#file.order(from, to + 1).flatMap((block) => {
      const found = this.#file.blocks.get(block.toString());
      if (found === undefined) return [];
      if (block.toString() !== spoilt) return [found];
      const bytes = found.bytes.slice();
      bytes[1000] = (bytes[1000] ?? 0) ^ 0x10;
      return [{ cid: found.cid, bytes }];
    });
    response.writeHead(200, { 'content-type': 'application/vnd.ipld.car; version=1; order=dfs; dups=n' });
    if (meter !== null) {
      await this.#metered(meter, blocks, response);
      return;
    }
    const car = await writeCar(this.#file.root, blocks);
    if (this.cutOffs > 0) {
      this.cutOffs -= 1;
      response.write(car.subarray(0, Math.min(car.length - 1, this.cutOffAfter)), () => response.destroy());
      return;
    }
    response.end(car);
  }

  async #metered(meter: Meter, blocks: readonly { cid: CID; bytes: Uint8Array }[], response: ServerResponse): Promise<void> {
    const { token } = meter;
    const leaves = this.leafCids;
    let written = 0;
    for (const [index, block] of blocks.entries()) {
      const leaf = leaves.indexOf(block.cid.toString());
      if (leaf >= 0) {
        const start = leaf * leafBytes;
        if (!(await meter.reserve(costOfLeaf(this.#timeline, start, Math.min(this.size, start + leafBytes)), token))) {
          response.destroy();
          return;
        }
      }
      const car = await writeCar(this.#file.root, blocks.slice(0, index + 1));
      response.write(car.subarray(written));
      written = car.length;
    }
    response.end();
  }
}

/** Has the index say that a subsegment lasts so many seconds, whatever its frames say. */
export function stretch(bytes: Uint8Array, subsegment: number, seconds: number): void {
  const index = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf('sidx') + 4;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const fixed = view.getUint8(index) === 1 ? 32 : 24;
  view.setUint32(index + fixed + subsegment * 12 + 4, seconds * view.getUint32(index + 8));
}
