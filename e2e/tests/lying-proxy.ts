/** A proxy between one browser and everything else that alters one block of a stored video on its way, and nothing beside it. */
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { CID, varint } from 'multiformats';

export interface LyingProxy {
  /** What the browser is told. */
  readonly url: string;
  /** How often the block was altered. */
  readonly lies: () => number;
  readonly stop: () => Promise<void>;
}

/** Alters `block` in the CARs and raw answers of the provider at `provider`. */
export async function lyingProxy(provider: string, block: CID): Promise<LyingProxy> {
  const host = new URL(provider).host;
  let lies = 0;
  const lie = (bytes: Uint8Array, at: number) => {
    const byte = bytes[at];
    if (byte === undefined) throw new Error(`the block has no byte ${at}`);
    bytes[at] = byte ^ 1;
    lies += 1;
  };

  const answer = (asked: IncomingMessage, response: ServerResponse) => {
    const url = new URL(asked.url ?? '');
    const forwarded = request(url, { method: asked.method, headers: asked.headers }, (real) => {
      response.writeHead(real.statusCode ?? 502, real.headers);
      const altered = url.host === host && `${real.headers['content-type']}`.startsWith('application/vnd.ipld.car');
      const sections = new Sections();
      real.on('data', (chunk: Buffer) => {
        if (!altered) return flow(real, response, chunk);
        for (const section of sections.push(chunk)) {
          const data = section.dataOf(block);
          if (data !== null) lie(section.bytes, data + 1_000);
          flow(real, response, section.bytes);
        }
      });
      real.on('end', () => response.end());
      // What the provider cuts off is cut off here too, and what the page lets go is let go there.
      real.on('error', () => response.destroy());
    });
    forwarded.on('error', () => response.destroy());
    response.on('close', () => forwarded.destroy());
    asked.pipe(forwarded);
  };

  const sockets = new Set<Duplex>();
  const server = createServer(answer);
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  // WebSockets pass through a tunnel, as they are.
  server.on('connect', (asked: IncomingMessage, client: Duplex, head: Buffer) => {
    const { hostname, port } = new URL(`http://${asked.url}`);
    const remote = connect(Number(port || 80), hostname, () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      remote.write(head);
      remote.pipe(client).pipe(remote);
    });
    for (const [one, other] of [
      [remote, client],
      [client, remote],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, lies: () => lies, stop: () => stop(server, sockets) };
}

/** Hands a chunk on, no faster than it is taken. */
function flow(from: IncomingMessage, to: ServerResponse, chunk: Uint8Array): void {
  if (to.write(chunk)) return;
  from.pause();
  to.once('drain', () => from.resume());
}

async function stop(server: Server, sockets: Set<Duplex>): Promise<void> {
  const closed = new Promise<void>((done) => server.close(() => done()));
  for (const socket of sockets) socket.destroy();
  await closed;
}

/** A section of a CAR: a length, a CID and a block; the first one is the header, and has no CID. */
class Section {
  readonly bytes: Uint8Array;
  readonly #cidAt: number;
  readonly #isHeader: boolean;

  constructor(bytes: Uint8Array, cidAt: number, isHeader: boolean) {
    this.bytes = bytes;
    this.#cidAt = cidAt;
    this.#isHeader = isHeader;
  }

  /** Where the data of this block begins; null when it is another. */
  dataOf(block: CID): number | null {
    if (this.#isHeader) return null;
    const rest = this.bytes.subarray(this.#cidAt);
    const [cid] = CID.decodeFirst(rest);
    return cid.equals(block) ? this.#cidAt + cid.byteLength : null;
  }
}

/** Cuts a CAR into its sections as they come. */
class Sections {
  #buffer = Buffer.alloc(0);
  #any = false;

  push(chunk: Buffer): Section[] {
    this.#buffer = Buffer.concat([this.#buffer, chunk]);
    const sections: Section[] = [];
    for (let end = this.#end(); end !== null; end = this.#end()) {
      const bytes = Uint8Array.from(this.#buffer.subarray(0, end.section));
      this.#buffer = this.#buffer.subarray(end.section);
      sections.push(new Section(bytes, end.prefix, !this.#any));
      this.#any = true;
    }
    return sections;
  }

  /** How long the first section and its length prefix are, once all of it is here. */
  #end(): { section: number; prefix: number } | null {
    const last = this.#buffer.findIndex((byte) => byte < 0x80);
    if (last === -1) return null;
    const [length, prefix] = varint.decode(this.#buffer);
    return this.#buffer.length < prefix + length ? null : { section: prefix + length, prefix };
  }
}
