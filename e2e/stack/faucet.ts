/**
 * The regtest faucet: pays from its own mined coins, and mines a block every two seconds while transactions wait.
 *
 *   POST /fund {"address": "bcrt1…", "sat": "100000"}      -> {"txid"}
 *   POST /mine {"blocks": 6, "address": "bcrt1…"}          -> {"hashes"}; the address is optional
 *   GET  /health                                           -> {"status": "ok", "height", "address"}
 *
 * It keeps no record of its coins: the node's UTXO set is the record.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { parseArgs } from 'node:util';
import { Address, Transaction } from '@scure/btc-signer';
import { BitcoinRpc, keptBitcoinKey, regtest } from './bitcoin.ts';

const MINIMUM_SAT = 1_000n;
const MAXIMUM_SAT = 100_000_000n;
const MAXIMUM_BLOCKS = 1_000;
const MAXIMUM_BODY_BYTES = 4_096;
const FEE_RATE_SAT_PER_VBYTE = 2n;
const COINBASE_MATURITY = 100;
const MINE_EVERY_MS = 2_000;

const { values } = parseArgs({
  options: { listen: { type: 'string' }, rpc: { type: 'string' }, cookie: { type: 'string' }, key: { type: 'string' } },
});
const [host, port] = required('listen').split(':');
const rpc = new BitcoinRpc(required('rpc'), required('cookie'));
const key = keptBitcoinKey(required('key'));

/** A request that cannot be served as it is. */
class Refusal extends Error {
  readonly status: number;

  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

// Payments one after the other, so that no two choose the same coin.
let queue: Promise<unknown> = Promise.resolve();
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const result = queue.then(work, work);
  queue = result.catch(() => undefined);
  return result;
}

async function fund(body: Record<string, unknown>): Promise<{ txid: string }> {
  const { address, sat } = body;
  if (typeof address !== 'string' || !isAddress(address)) throw new Refusal(400, '"address" must be a regtest address');
  if (typeof sat !== 'string' || !/^\d{1,12}$/.test(sat)) throw new Refusal(400, '"sat" must be a decimal string');
  const amount = BigInt(sat);
  if (amount < MINIMUM_SAT || amount > MAXIMUM_SAT) throw new Refusal(400, `"sat" must be between ${MINIMUM_SAT} and ${MAXIMUM_SAT}`);
  return inTurn(async () => ({ txid: await pay(address, amount) }));
}

interface Coin {
  readonly txid: string;
  readonly vout: number;
  readonly sat: bigint;
}

async function pay(address: string, amount: bigint): Promise<string> {
  const inputs: Coin[] = [];
  let total = 0n;
  for (const coin of await coins()) {
    // The UTXO set is that of the chain; a coin that a waiting transaction spends is no longer ours.
    if ((await rpc.call('gettxout', coin.txid, coin.vout, true)) === null) continue;
    inputs.push(coin);
    total += coin.sat;
    if (total >= amount + fee(inputs.length)) break;
  }
  const change = total - amount - fee(inputs.length);
  if (change < 0n) throw new Refusal(503, `the faucet has only ${total} sat ready: ask again in a few seconds`);
  const transaction = new Transaction();
  for (const { txid, vout, sat } of inputs)
    transaction.addInput({ txid, index: vout, witnessUtxo: { script: Buffer.from(key.script, 'hex'), amount: sat } });
  transaction.addOutputAddress(address, amount, regtest);
  if (change >= MINIMUM_SAT) transaction.addOutputAddress(key.address, change, regtest);
  transaction.sign(key.privateKey);
  transaction.finalize();
  return rpc.call<string>('sendrawtransaction', transaction.hex);
}

/** Our confirmed and mature coins, largest first. */
async function coins(): Promise<Coin[]> {
  const scan = await rpc.call<{
    height: number;
    unspents: { txid: string; vout: number; amount: number; coinbase: boolean; height: number }[];
  }>('scantxoutset', 'start', [`addr(${key.address})`]);
  return scan.unspents
    .filter(({ coinbase, height }) => !coinbase || scan.height - height >= COINBASE_MATURITY)
    .map(({ txid, vout, amount }) => ({ txid, vout, sat: BigInt(Math.round(amount * 1e8)) }))
    .sort((a, b) => (a.sat === b.sat ? 0 : a.sat < b.sat ? 1 : -1));
}

/** Of P2WPKH inputs and two outputs of any standard kind. */
function fee(inputs: number): bigint {
  return FEE_RATE_SAT_PER_VBYTE * BigInt(11 + 69 * inputs + 2 * 43);
}

async function mine(body: Record<string, unknown>): Promise<{ hashes: string[] }> {
  const { blocks, address = key.address } = body;
  if (typeof blocks !== 'number' || !Number.isInteger(blocks) || blocks < 1 || blocks > MAXIMUM_BLOCKS)
    throw new Refusal(400, `"blocks" must be an integer between 1 and ${MAXIMUM_BLOCKS}`);
  if (typeof address !== 'string' || !isAddress(address)) throw new Refusal(400, '"address" must be a regtest address');
  return { hashes: await rpc.call<string[]>('generatetoaddress', blocks, address) };
}

async function health(): Promise<{ status: string; height: number; address: string }> {
  return { status: 'ok', height: await rpc.call<number>('getblockcount'), address: key.address };
}

function isAddress(address: string): boolean {
  try {
    Address(regtest).decode(address);
    return true;
  } catch {
    return false;
  }
}

async function mineWaiting(): Promise<void> {
  try {
    const { size } = await rpc.call<{ size: number }>('getmempoolinfo');
    if (size > 0) await rpc.call('generatetoaddress', 1, key.address);
  } catch (error) {
    // The node may be away for a while; the next turn tries again.
    console.error(`mining: ${error instanceof Error ? error.message : error}`);
  }
  setTimeout(mineWaiting, MINE_EVERY_MS);
}

async function answer(request: IncomingMessage): Promise<unknown> {
  const route = `${request.method} ${request.url}`;
  if (route === 'GET /health') return health();
  if (route === 'POST /fund') return fund(await json(request));
  if (route === 'POST /mine') return mine(await json(request));
  throw new Refusal(404, `there is no ${route}`);
}

async function json(request: IncomingMessage): Promise<Record<string, unknown>> {
  let text = '';
  for await (const chunk of request) {
    text += chunk;
    if (text.length > MAXIMUM_BODY_BYTES) throw new Refusal(413, `the body is over ${MAXIMUM_BODY_BYTES} bytes`);
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Falls through to the refusal.
  }
  throw new Refusal(400, 'the body must be a JSON object');
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  const type = status < 400 ? 'application/json' : 'application/problem+json';
  response.writeHead(status, { 'content-type': type, 'access-control-allow-origin': '*', 'access-control-allow-headers': 'content-type' });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}

function required(option: 'listen' | 'rpc' | 'cookie' | 'key'): string {
  const value = values[option];
  if (value === undefined) throw new Error(`--${option} is missing`);
  return value;
}

const server = createServer((request, response) => {
  if (request.method === 'OPTIONS') return reply(response, 204, undefined);
  answer(request).then(
    (body) => reply(response, 200, body),
    (error: unknown) => {
      const status = error instanceof Refusal ? error.status : 502;
      const detail = error instanceof Error ? error.message : String(error);
      console.error(`${request.method} ${request.url}: ${status} ${detail}`);
      reply(response, status, { status, title: status === 502 ? 'the Bitcoin node did not do it' : 'refused', detail });
    },
  );
});
server.listen(Number(port), host);
process.once('SIGTERM', () => process.exit(0));
void mineWaiting();
