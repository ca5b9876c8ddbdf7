import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CID } from 'multiformats/cid';
import { sha256 } from 'multiformats/hashes/sha2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addFile, carOf, noise } from '../ipfs/fixture.ts';
import { fetchBlock, fetchFile } from './fetch-block.ts';
import { cidOfUri, pictureType, readMetadata } from './metadata.ts';
import { searchOf } from './search.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const rawCid = async (bytes: Uint8Array): Promise<string> => CID.createV1(0x55, await sha256.digest(bytes)).toString();

describe('what is typed into the search', () => {
  const address = `0x${'aB'.repeat(20)}`;
  test.each([
    ['', { kind: 'all' }],
    ['  ', { kind: 'all' }],
    [' jazz ', { kind: 'text', q: 'jazz' }],
    [address, { kind: 'creator', creator: address.toLowerCase() }],
    [`0x${'c0'.repeat(32)}`, { kind: 'content', contentId: `0x${'c0'.repeat(32)}` }],
    ['ipfs://bafkreiabc', { kind: 'text', q: 'bafkreiabc' }],
    ['0x12', { kind: 'text', q: '0x12' }],
  ])('“%s” is asked as %j', (text, search) => expect(searchOf(text)).toEqual(search));

  test('is cut to what the indexer takes, between characters', () => {
    const search = searchOf('🎬'.repeat(100));
    expect(search).toEqual({ kind: 'text', q: '🎬'.repeat(64) });
  });
});

describe('a metadata document', () => {
  const cid = 'bafkreiefezspyd57xh6mmjfgvcglji4vfnrjvzwod3mn6cnziytoz6ny7y';
  const video = {
    type: 'paystream/video',
    title: 't',
    description: '<b>bold</b>',
    picture: `ipfs://${cid}`,
    duration_ms: 634570,
    size: 1,
    mime_type: 'video/mp4',
  };

  test('of a video says how long it is and where its picture is', () => {
    expect(readMetadata(bytesOf(JSON.stringify(video)))).toEqual({
      kind: 'video',
      description: '<b>bold</b>',
      pictureCid: cid,
      durationMs: 634570,
    });
  });

  test('of an announcement has no duration', () => {
    const announcement = { type: 'paystream/announcement', title: 't', description: '', picture: null, starts_at: null };
    expect(readMetadata(bytesOf(JSON.stringify(announcement)))).toEqual({
      kind: 'announcement',
      description: '',
      pictureCid: null,
      durationMs: null,
    });
  });

  test.each([
    ['not JSON', bytesOf('<html>')],
    ['not UTF-8', new Uint8Array([0x22, 0xff, 0x22])],
    ['too large', bytesOf(JSON.stringify({ ...video, description: 'x'.repeat(17_000) }))],
    ['of another type', bytesOf('{"type":"else"}')],
    ['a list', bytesOf('[]')],
    ['a duration below zero', bytesOf(JSON.stringify({ ...video, duration_ms: -1 }))],
  ])('that is %s is refused', (_name, bytes) => expect(() => readMetadata(bytes)).toThrow());

  test.each(['https://example.org/a.png', 'javascript:alert(1)', `ipfs://${cid}/../x`, 'ipfs://', `ipfs://${cid}?a`])(
    '“%s” is no place to look at',
    (uri) => {
      expect(cidOfUri(uri)).toBeNull();
      expect(readMetadata(bytesOf(JSON.stringify({ ...video, picture: uri }))).pictureCid).toBeNull();
    },
  );
});

test('a picture is known by its bytes, and a program is none', () => {
  expect(pictureType(new Uint8Array([0xff, 0xd8, 0xff, 0xe0]))).toBe('image/jpeg');
  expect(pictureType(new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]))).toBe('image/png');
  expect(pictureType(bytesOf('RIFF0000WEBPVP8 '))).toBe('image/webp');
  expect(pictureType(bytesOf('RIFF0000WAVEfmt '))).toBeNull();
  expect(pictureType(bytesOf('<svg xmlns="http://www.w3.org/2000/svg"/>'))).toBeNull();
  expect(pictureType(new Uint8Array())).toBeNull();
});

describe('a block from a provider', () => {
  const block = bytesOf('{"type":"paystream/video"}');
  const answers: Record<string, Uint8Array | 'endless'> = {};
  let server: Server;
  let url: string;

  beforeAll(async () => {
    server = createServer((request, response) => {
      const answer = answers[new URL(request.url ?? '/', 'http://x').pathname];
      if (answer === undefined) return void response.writeHead(404).end();
      if (request.url?.includes('format=car')) response.setHeader('content-type', 'application/vnd.ipld.car; version=1');
      if (answer !== 'endless') return void response.end(answer);
      const more = (): void => {
        while (response.write(Buffer.alloc(65_536)));
      };
      response.on('drain', more);
      more();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const never = new AbortController().signal;

  test('is taken from the first that has the right bytes', async () => {
    const cid = await rawCid(block);
    answers[`/bad/ipfs/${cid}`] = bytesOf('{"type":"paystream/scam!"}');
    answers[`/endless/ipfs/${cid}`] = 'endless';
    answers[`/good/ipfs/${cid}`] = block;
    const urls = [`${url}/nothing`, `${url}/bad`, `${url}/endless`, `${url}/good/`];
    expect(await fetchBlock(urls, cid, 16_384, never)).toEqual(block);
    await expect(fetchBlock(urls.slice(0, 1), cid, 16_384, never)).rejects.toThrow('404');
    await expect(fetchBlock(urls.slice(1, 2), cid, 16_384, never)).rejects.toThrow('not those');
    await expect(fetchBlock(urls.slice(2, 3), cid, 16_384, never)).rejects.toThrow('more than 16384 bytes');
    await expect(fetchBlock([], cid, 16_384, never)).rejects.toThrow('no provider');
  });

  test('of many blocks comes whole and checked, or not at all', async () => {
    const data = noise(700_000);
    const file = await addFile(data, { leafBytes: 100_000 });
    const cid = file.root.toString();
    const car = await carOf(file, 0, file.size);
    const spoilt = car.slice();
    spoilt[400_000] = (spoilt[400_000] ?? 0) ^ 1;
    [answers[`/bad/ipfs/${cid}`], answers[`/cut/ipfs/${cid}`]] = [spoilt, await carOf(file, 0, 550_000)];
    answers[`/good/ipfs/${cid}`] = car;
    const from = (...names: string[]) => names.map((name) => `${url}/${name}`);
    expect(Buffer.from(await fetchFile(from('bad', 'good'), cid, 700_000, never)).equals(data)).toBe(true);
    await expect(fetchFile(from('bad'), cid, 700_000, never)).rejects.toThrow();
    await expect(fetchFile(from('cut'), cid, 700_000, never)).rejects.toThrow();
    await expect(fetchFile(from('good'), cid, 600_000, never)).rejects.toThrow();
    const block = noise(50_000);
    const single = await rawCid(block);
    answers[`/good/ipfs/${single}`] = block;
    expect(await fetchFile(from('good'), single, 700_000, never)).toEqual(block);
  });

  test.each([
    ['no CID', 'hello'],
    ['a whole DAG', 'bafybeie56llhlo235yumoc6vlvuxoacjachulrwvhfifburb32dwzd2a7u'],
    [
      'an identity hash',
      CID.createV1(0x55, { code: 0, size: 1, digest: new Uint8Array([1]), bytes: new Uint8Array([0, 1, 1]) }).toString(),
    ],
  ])('is not asked for by %s', async (_name, cid) => {
    await expect(fetchBlock([`${url}/good`], cid, 16_384, never)).rejects.toThrow();
  });
});
