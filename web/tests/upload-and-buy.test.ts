import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BrowserContext, Page } from '@playwright/test';
import { CID } from 'multiformats/cid';
import { sha256 } from 'multiformats/hashes/sha2';
import { decodeFunctionData, encodeAbiParameters, getAddress, type Hex, recoverTypedDataAddress, toFunctionSelector } from 'viem';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { streamRegistryAbi } from '../src/contracts/abi.ts';
import { contentIdOf } from '../src/contracts/content-id.ts';
import { expectedSeparator } from '../src/views/payment.ts';
import { type Built, buildAndLaunch, faultsAtBothSizes, wide } from './page/browser.ts';
import { Library, problem } from './page/library.ts';
import { SigningWallet } from './page/signing-wallet.ts';
import { account, chainId, contentId, Surroundings } from './page/surroundings.ts';

const cid = 'bafybeie56llhlo235yumoc6vlvuxoacjachulrwvhfifburb32dwzd2a7u';
const metadataCid = 'bafkreiefezspyd57xh6mmjfgvcglji4vfnrjvzwod3mn6cnziytoz6ny7y';
const token = {
  address: '0x9fe46736679d2d9a65f0992f2272de9f3c7fa6e0',
  symbol: 'TST',
  name: 'Test token',
  decimals: 6,
  version: '1',
} as const;
/** Three pieces, the last one short. */
const movie = randomBytes(20_000_000);

let built: Built;
let context: BrowserContext;
let page: Page;
let around: Surroundings;
let library: Library;
let wallet: SigningWallet;
let file: string;

beforeAll(async () => {
  built = await buildAndLaunch();
  file = join(built.folder, 'My_first film.mp4');
  writeFileSync(file, movie);
}, 180_000);
afterAll(async () => built?.close());

beforeEach(async () => {
  around = new Surroundings(built.dist);
  library = new Library();
  library.chainId = chainId;
  await Promise.all([around.listen(), library.listen()]);
  around.providerUrl = library.url;
  wallet = new SigningWallet();
  context = await built.browser.newContext({ viewport: wide, reducedMotion: 'reduce' });
  await wallet.announce(context, chainId);
  page = await context.newPage();
  page.setDefaultTimeout(20_000);
});
afterEach(async () => {
  await context.close();
  around.close();
  library.close();
});

/** The page and its provider take their time on a busy machine. */
const eventually = <T>(look: () => T) => expect.poll(look, { timeout: 20_000 });
const at = (testId: string) => page.getByTestId(testId);
const text = (testId: string) => at(testId).textContent();
const kind = () => at('upload-state').getAttribute('data-kind');
/** As the indexer lists a view of the wallet's account. */
const viewOf = (hoursAgo: number) => ({
  viewer: wallet.account.address.toLowerCase(),
  provider: account,
  timestamp: new Date(Date.now() - hoursAgo * 3_600_000).toISOString(),
});
/** How often the provider was. */
const asked = (request: string) => library.requests.filter((entry) => entry === request).length;
const item = () => {
  const [first] = library.items;
  if (first === undefined) throw new Error('nothing was uploaded');
  return first;
};

async function connected(hash: string): Promise<void> {
  await page.goto(`${around.url}/${hash}`);
  await at('wallet-button').click();
  await at('wallet-option').click();
  await eventually(() => at('wallet-button').textContent()).toMatch(/^0x/);
}

async function chosen(): Promise<void> {
  await connected('#/studio');
  await at('upload-file').setInputFiles(file);
  await at('upload-start').waitFor();
}

function ready(): void {
  Object.assign(item(), { state: 'ready', progress_permille: 1000, cid, metadata_cid: metadataCid });
}

describe('the upload of a video', { timeout: 120_000 }, () => {
  test('survives a broken line, is registered with the terms that were previewed, and is announced', async () => {
    around.tokens = [token];
    library.breaksAt = 10_000_000;
    await chosen();
    expect(await at('upload-title').inputValue()).toBe('My first film');
    await at('upload-title').fill('  The film  ');
    await at('upload-description').fill('About rabbits');
    expect(await faultsAtBothSizes(page, 'upload-chosen')).toEqual([]);
    await at('upload-start').click();
    await eventually(() => library.items[0]?.state).toBe('queued');
    expect(item()).toMatchObject({ title: 'The film', description: 'About rabbits', offset: movie.length });
    expect(item().digest.digest('hex')).toBe(createHash('sha256').update(movie).digest('hex'));
    expect(asked('POST /v1/uploads')).toBe(1);
    expect(wallet.count('personal_sign')).toBe(1);

    await eventually(() => text('upload-stage')).toBe('Waiting for its turn');
    Object.assign(item(), { state: 'preparing', progress_permille: 420 });
    await eventually(() => text('upload-stage')).toContain('Preparing 42');
    expect(await at('upload-progress').getAttribute('data-value')).toBe('420');
    expect(await faultsAtBothSizes(page, 'upload-preparing')).toEqual([]);
    Object.assign(item(), { state: 'adding', progress_permille: 900 });
    await eventually(() => text('upload-stage')).toContain('Adding to IPFS 90');
    ready();

    const form = at('upload');
    await form.getByTestId('terms-currency').selectOption(token.address);
    await form.getByTestId('terms-per-view').fill('2.5');
    await form.getByTestId('terms-share').fill('75');
    const previewed = (name: string) => form.getByTestId(`preview-${name}`).getAttribute('data-value');
    expect(await Promise.all(['hour-paid', 'hour-creator', 'hour-provider'].map(previewed))).toEqual(['72000', '54000', '18000']);
    expect(await Promise.all(['view-paid', 'view-creator', 'view-provider'].map(previewed))).toEqual(['2500000', '1875000', '625000']);
    expect(await faultsAtBothSizes(page, 'upload-ready')).toEqual([]);

    library.registerProblems = [problem(503, 'unavailable', 'the node is away')];
    await at('upload-register').click();
    await at('upload-announce').waitFor();
    expect(wallet.count('eth_sendTransaction')).toBe(1);
    const sent = wallet.asked.find(({ method }) => method === 'eth_sendTransaction')?.params[0] as { data: Hex };
    const { functionName, args } = decodeFunctionData({ abi: streamRegistryAbi, data: sent.data });
    expect(functionName).toBe('registerContent');
    expect(args).toMatchObject([
      cid,
      'The film',
      `ipfs://${metadataCid}`,
      {
        token: getAddress(token.address),
        creatorShareBps: 7500,
        pricePerView: 2_500_000n,
        msatPerSecond: 20_000n,
        payout: wallet.account.address,
      },
    ]);

    await at('upload-announce').click();
    await eventually(() => asked(`GET /api/record-view/0x${'1d'.repeat(32)}`)).toBeGreaterThan(0);
    expect(await at('upload-registered').count()).toBe(0);
    library.relay = { state: 'confirmed', detail: null };
    await at('upload-registered').waitFor();
    expect(wallet.count('eth_sendTransaction')).toBe(1);
    expect(library.registered).toEqual([contentIdOf(wallet.account.address, cid)]);
    expect(wallet.count('personal_sign')).toBe(1);
  });

  test('goes on after a reload, from where it stopped, without another signature', async () => {
    library.holdsAt = 9_000_000;
    await chosen();
    await at('upload-start').click();
    await eventually(() => library.items[0]?.offset ?? 0).toBeGreaterThanOrEqual(9_000_000);
    page.on('dialog', (dialog) => void dialog.accept());
    await page.reload();
    library.holdsAt = null;
    const before = item().offset;
    await at('wallet-button').waitFor();
    if ((await text('wallet-button')) === 'Connect wallet') {
      await at('wallet-button').click();
      await at('wallet-option').click();
    }
    await eventually(() => at('item-state').getAttribute('data-state')).toBe('uploading');
    await at('upload-file').setInputFiles(file);
    await at('upload-continue').waitFor();
    expect(await faultsAtBothSizes(page, 'upload-unfinished')).toEqual([]);
    await at('upload-continue').click();
    await eventually(() => item().state).toBe('queued');
    expect(before).toBeGreaterThanOrEqual(9_000_000);
    expect(asked('POST /v1/uploads')).toBe(1);
    expect(item().digest.digest('hex')).toBe(createHash('sha256').update(movie).digest('hex'));
    expect(wallet.count('personal_sign')).toBe(1);
  });

  test('goes on after the sign-in has ended, with a new one and none of its bytes lost', async () => {
    library.onPiece = () => library.forgetTokens();
    await chosen();
    await at('upload-start').click();
    await eventually(kind).toBe('interrupted');
    expect(await text('upload-state')).toContain('Your sign-in has ended');
    expect(await faultsAtBothSizes(page, 'upload-interrupted')).toEqual([]);
    library.onPiece = null;
    await at('upload-resume').click();
    await eventually(() => item().state).toBe('queued');
    expect(asked('POST /v1/uploads')).toBe(1);
    expect(item().digest.digest('hex')).toBe(createHash('sha256').update(movie).digest('hex'));
    expect(wallet.count('personal_sign')).toBe(2);
  });

  test('that cannot be used says why, in the list as well, and can be deleted', async () => {
    await chosen();
    await at('upload-start').click();
    await eventually(() => library.items[0]?.state).toBe('queued');
    const error = { code: 'unprocessable_video', detail: 'it holds no video track' };
    Object.assign(item(), { state: 'failed', error });
    await eventually(kind).toBe('failed');
    expect(await at('upload').getByTestId('problem').textContent()).toBe('This file cannot be made into a stream: it holds no video track');
    await eventually(() => at('own-item').getByTestId('problem').textContent()).toContain('no video track');
    expect(await faultsAtBothSizes(page, 'upload-failed')).toEqual([]);
    await at('item-delete').click();
    await at('item-delete-really').click();
    await eventually(() => library.items.length).toBe(0);
    await at('own-item').waitFor({ state: 'detached' });
    await at('upload-another').click();
    await at('upload-drop').waitFor();
  });

  test('that is cancelled is gone from the streamer', async () => {
    library.holdsAt = 1_000_000;
    await chosen();
    await at('upload-start').click();
    await eventually(() => library.items[0]?.offset ?? 0).toBeGreaterThanOrEqual(1_000_000);
    await at('upload-cancel').click();
    await eventually(kind).toBe('cancelled');
    expect(library.items).toHaveLength(0);
  });

  test('is refused before it is sent when the file is empty, and taken by drag and drop', async () => {
    await connected('#/studio');
    await at('upload-file').setInputFiles({ name: 'nothing.mp4', mimeType: 'video/mp4', buffer: Buffer.alloc(0) });
    expect(await at('upload').getByTestId('problem').textContent()).toContain('“nothing.mp4” is empty');
    const dropped = await page.evaluateHandle(() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File(['film'], 'dropped.mp4', { type: 'video/mp4' }));
      return transfer;
    });
    await at('upload-drop').dispatchEvent('drop', { dataTransfer: dropped });
    expect(await at('upload-title').inputValue()).toBe('dropped');
    expect(asked('POST /v1/uploads')).toBe(0);
  });

  test('asks for no signature that would sign in somewhere else', async () => {
    library.domain = 'bank.example';
    await chosen();
    await at('upload-start').click();
    await eventually(() => at('upload').getByTestId('problem').textContent()).toContain('asked for a signature for “bank.example”');
    expect(wallet.asked).toEqual([]);
    expect(library.items).toEqual([]);
  });

  test('is left alone when the wallet’s person cancels', async () => {
    wallet.refuses = true;
    await chosen();
    await at('upload-start').click();
    await eventually(() => wallet.count('personal_sign')).toBe(1);
    await eventually(() => at('upload-start').isEnabled()).toBe(true);
    expect(await page.getByRole('alert').count()).toBe(0);
  });
});

describe('the terms of what is registered', { timeout: 120_000 }, () => {
  const perSecond = '7';

  async function edited(change: () => Promise<unknown>) {
    around.tokens = [token];
    around.creator = wallet.account.address.toLowerCase();
    around.terms = { price_per_second: perSecond };
    await connected('#/studio');
    await at('edit-terms').click();
    await change();
    await at('save-terms').click();
    await eventually(() => wallet.count('eth_sendTransaction')).toBe(1);
    const sent = wallet.asked.find(({ method }) => method === 'eth_sendTransaction')?.params[0] as { data: Hex };
    const { functionName, args } = decodeFunctionData({ abi: streamRegistryAbi, data: sent.data });
    expect(functionName).toBe('updateTerms');
    return args?.[1];
  }
  const field = (name: string) => at('own-content').getByTestId(name);

  test('keep what the form does not show', async () => {
    const terms = await edited(() => field('terms-share').fill('80'));
    expect(terms).toMatchObject({ creatorShareBps: 8000, pricePerView: 10n ** 15n, pricePerSecond: 7n });
  });

  test('change to a token with its own price, and leave no price by the second in the old currency', async () => {
    const terms = await edited(async () => {
      await field('terms-currency').selectOption(token.address);
      await field('terms-per-view').fill('1.5');
      expect(await faultsAtBothSizes(page, 'edit-terms')).toEqual([]);
    });
    expect(terms).toMatchObject({ token: getAddress(token.address), pricePerView: 1_500_000n, pricePerSecond: 0n });
  });
});

describe('a view bought with ether', { timeout: 120_000 }, () => {
  test('is sent, and opened by a signature', async () => {
    library.viewFound = true;
    await connected(`#/content/${contentId}`);
    await at('buy-view').click();
    await at('view-open').waitFor();
    const sent = wallet.asked.find(({ method }) => method === 'eth_sendTransaction')?.params[0] as { data: Hex; value: Hex };
    expect(BigInt(sent.value)).toBe(10n ** 15n);
    expect(wallet.count('personal_sign')).toBe(1);
  });

  test('that is still open is opened, and not paid for again', async () => {
    around.views = [viewOf(23)];
    library.viewFound = true;
    await connected(`#/content/${contentId}`);
    await at('buy-view').click();
    await at('view-open').waitFor();
    expect(wallet.count('eth_sendTransaction')).toBe(0);
    expect(wallet.count('personal_sign')).toBe(1);
  });

  test('a day ago, or from another provider, is bought anew', async () => {
    around.views = [viewOf(25), { ...viewOf(1), provider: `0x${'cd'.repeat(20)}` }, { ...viewOf(1), viewer: account }];
    library.viewFound = true;
    await connected(`#/content/${contentId}`);
    await at('buy-view').click();
    await at('view-open').waitFor();
    expect(wallet.count('eth_sendTransaction')).toBe(1);
  });

  test('stays bought when the person signs nothing more, and can be opened later', async () => {
    await connected(`#/content/${contentId}`);
    library.domain = 'bank.example';
    await at('buy-view').click();
    await at('view-bought').waitFor();
    await eventually(() => text('problem')).toContain('bank.example');
    [library.domain, library.viewFound] = [null, true];
    await at('watch-pass').click();
    await at('view-open').waitFor();
    expect(wallet.count('eth_sendTransaction')).toBe(1);
  });
});

describe('a view bought in a token', { timeout: 120_000 }, () => {
  const words = (amount: bigint): Hex => encodeAbiParameters([{ type: 'uint256' }], [amount]);
  const answer = (signature: string, value: Hex) => around.calls.set(toFunctionSelector(signature), value);

  beforeEach(() => {
    around.tokens = [token];
    around.terms = { token: token.address, price_per_view: '1500000' };
    answer('function balanceOf(address)', words(2_000_000n));
    answer('function DOMAIN_SEPARATOR()', expectedSeparator(token, chainId));
    answer('function authorizationState(address,bytes32)', words(0n));
  });

  test('takes one signature to pay and one to open, and outlives a reload', async () => {
    await connected(`#/content/${contentId}`);
    expect(await text('view-price')).toBe('1.5 TST');
    expect(await text('view-explained')).toContain('you need no ether');
    expect(await faultsAtBothSizes(page, 'buy-view-token')).toEqual([]);
    await at('buy-view-token').click();
    await eventually(() => library.payments.length).toBe(1);
    const [payment] = library.payments;
    expect(payment).toMatchObject({ method: 'authorization', content_id: contentId, price: '1500000', viewer: wallet.account.address });
    const { params } = wallet.asked.find(({ method }) => method === 'eth_signTypedData_v4') ?? { params: [] };
    const typedData = JSON.parse(params[1] as string);
    expect(typedData).toMatchObject({
      primaryType: 'ReceiveWithAuthorization',
      domain: { name: 'Test token', verifyingContract: token.address },
    });
    expect(await recoverTypedDataAddress({ ...typedData, signature: payment?.signature as Hex })).toBe(wallet.account.address);

    // The page is closed before the provider has an answer: the same payment is sent again, and paid once.
    await page.reload();
    await at('buy-view-token').waitFor();
    await at('view-unfinished').waitFor();
    await at('buy-view-token').click();
    await eventually(() => asked('POST /api/record-view')).toBe(2);
    expect(library.payments).toHaveLength(1);
    library.relay = { state: 'confirmed', detail: null };
    await at('view-bought').waitFor();
    await eventually(() => asked('POST /v1/view-passes')).toBeGreaterThan(1);
    library.viewFound = true;
    await at('view-open').waitFor();
    expect(wallet.count('personal_sign')).toBe(1);
    expect(wallet.count('eth_signTypedData_v4')).toBe(1);
    expect(await faultsAtBothSizes(page, 'view-open')).toEqual([]);
    await page.reload();
    await at('view-open').waitFor();
    expect(wallet.count('personal_sign')).toBe(1);
  });

  test('is not signed for without the money, nor over settings that are not the token’s', async () => {
    answer('function balanceOf(address)', words(500_000n));
    await connected(`#/content/${contentId}`);
    await at('buy-view-token').click();
    await eventually(() => text('problem')).toBe('Your account holds 0.5 TST, and a view costs 1.5 TST.');
    answer('function balanceOf(address)', words(1_500_000n));
    answer('function DOMAIN_SEPARATOR()', expectedSeparator({ ...token, version: '2' }, chainId));
    await at('buy-view-token').click();
    await eventually(() => text('problem')).toContain('settings of TST are not the token’s own');
    expect(wallet.asked).toEqual([]);
    expect(library.payments).toEqual([]);
  });

  test('that is cancelled in the wallet leaves everything as it was', async () => {
    wallet.refuses = true;
    await connected(`#/content/${contentId}`);
    await at('buy-view-token').click();
    await eventually(() => wallet.count('eth_signTypedData_v4')).toBe(1);
    await eventually(() => at('buy-view-token').isEnabled()).toBe(true);
    expect(await at('buy-view-token').getAttribute('aria-busy')).toBe('false');
    expect(await at('view-unfinished').count()).toBe(0);
    expect(library.payments).toEqual([]);
  });

  test('that the provider refuses, or that fails on chain, says why and can be signed anew', async () => {
    library.relayProblem = problem(403, 'forbidden', 'the price is now 2 TST');
    await connected(`#/content/${contentId}`);
    await at('buy-view-token').click();
    await eventually(() => text('problem')).toContain('the price is now 2 TST');
    expect(await at('view-unfinished').count()).toBe(0);
    library.relayProblem = null;
    library.relay = { state: 'failed', detail: 'the authorisation was cancelled' };
    await at('buy-view-token').click();
    await eventually(() => text('problem')).toContain('the authorisation was cancelled');
    expect(wallet.count('eth_signTypedData_v4')).toBe(2);
    // Whoever has the first one can still send it: the token takes only one of the two.
    const nonces = wallet.asked
      .filter(({ method }) => method === 'eth_signTypedData_v4')
      .map(({ params }) => JSON.parse(params[1] as string).message.nonce);
    expect(new Set(nonces).size).toBe(1);
  });

  test('that is said to have failed, and was paid by a copy of its transaction, is opened and not signed for again', async () => {
    library.relay = { state: 'failed', detail: 'the transaction was replaced' };
    await connected(`#/content/${contentId}`);
    await at('buy-view-token').click();
    await eventually(() => text('problem')).toContain('the transaction was replaced');
    library.viewFound = true;
    await at('buy-view-token').click();
    await at('view-open').waitFor();
    expect(wallet.count('eth_signTypedData_v4')).toBe(1);
    expect(library.payments).toHaveLength(1);
  });

  test('that is said to have failed, and that the chain has, is opened at once', async () => {
    library.relay = { state: 'failed', detail: 'the transaction was replaced' };
    [around.views, library.viewFound] = [[viewOf(30)], true];
    await connected(`#/content/${contentId}`);
    library.onRelay = () => {
      around.views = [viewOf(0), viewOf(30)];
    };
    await at('buy-view-token').click();
    await at('view-open').waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
    expect(wallet.count('eth_signTypedData_v4')).toBe(1);
  });

  test('that is said to have failed, and that the token has taken, is not signed for again', async () => {
    library.relay = { state: 'failed', detail: 'the authorisation was cancelled' };
    await connected(`#/content/${contentId}`);
    await at('buy-view-token').click();
    await eventually(() => text('problem')).toContain('the authorisation was cancelled');
    const { params } = wallet.asked.find(({ method }) => method === 'eth_signTypedData_v4') ?? { params: [] };
    const { nonce } = JSON.parse(params[1] as string).message as { nonce: Hex };
    const state = `${toFunctionSelector('function authorizationState(address,bytes32)')} ${nonce}`;
    for (const answered of [words(1n), '0x' as const]) {
      around.callsWith.set(state, answered);
      await eventually(() => at('buy-view-token').getAttribute('aria-busy')).toBe('false');
      await at('buy-view-token').click();
      await eventually(() => text('problem')).toContain('may have gone through all the same');
    }
    expect(wallet.count('eth_signTypedData_v4')).toBe(1);
    expect(library.payments).toHaveLength(1);
  });

  test('earlier is opened by a signature, and a view that is not there is said to be missing', async () => {
    await connected(`#/content/${contentId}`);
    await at('watch-pass').click();
    await eventually(() => text('problem')).toContain('No view of yours');
    library.viewFound = true;
    await at('watch-pass').click();
    await at('view-open').waitFor();
  });

  test('in a token without EIP-3009 is permitted and signed', async () => {
    answer('function authorizationState(address,bytes32)', '0x');
    answer('function nonces(address)', words(4n));
    await connected(`#/content/${contentId}`);
    await at('buy-view-token').click();
    await eventually(() => library.payments.length).toBe(1);
    expect(library.payments[0]).toMatchObject({
      method: 'signature',
      view: { viewer: wallet.account.address, max_price: '1500000', nonce: '4' },
      permit: { value: '1500000' },
    });
    expect(wallet.count('eth_signTypedData_v4')).toBe(2);
  });

  test('by a signed view that is said to have failed is signed anew with the same nonce, and not once that is taken', async () => {
    const idle = () => eventually(() => at('buy-view-token').getAttribute('aria-busy')).toBe('false');
    library.relay = { state: 'failed', detail: 'the permit has expired' };
    answer('function authorizationState(address,bytes32)', '0x');
    answer('function nonces(address)', words(4n));
    await connected(`#/content/${contentId}`);
    await at('buy-view-token').click();
    await eventually(() => text('problem')).toContain('the permit has expired');
    // A token that answers now, and did not before, makes no second payment beside the first.
    answer('function authorizationState(address,bytes32)', words(0n));
    await idle();
    await at('buy-view-token').click();
    await eventually(() => wallet.count('eth_signTypedData_v4')).toBe(4);
    const signed = wallet.asked
      .filter(({ method }) => method === 'eth_signTypedData_v4')
      .map(({ params }) => JSON.parse(params[1] as string) as { primaryType: string; message: { nonce: string } })
      .filter(({ primaryType }) => primaryType === 'RecordView');
    expect(signed.map(({ message }) => message.nonce)).toEqual(['4', '4']);
    answer('function nonces(address)', words(5n));
    await idle();
    await at('buy-view-token').click();
    await eventually(() => text('problem')).toContain('may have gone through all the same');
    expect(wallet.count('eth_signTypedData_v4')).toBe(4);
  });

  test('in a token that the page does not know is not offered', async () => {
    around.tokens = [];
    await connected(`#/content/${contentId}`);
    await at('view-price').waitFor();
    expect(await text('view-price')).toContain('1500000 units of 0x9fe4');
    expect(await at('buy-view-token').count()).toBe(0);
  });
});

describe('the programme', { timeout: 120_000 }, () => {
  const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==', 'base64');

  async function stored(bytes: Uint8Array): Promise<string> {
    const name = CID.createV1(0x55, await sha256.digest(bytes)).toString();
    library.blocks.set(name, bytes);
    return name;
  }
  const document = (picture: string) =>
    new TextEncoder().encode(JSON.stringify({ type: 'paystream/video', title: 't', description: '', picture, duration_ms: 634_570 }));

  test('shows the poster and the duration of a video that nobody broadcasts, both checked', async () => {
    around.live = false;
    around.metadataUri = `ipfs://${await stored(document(`ipfs://${await stored(png)}`))}`;
    await page.goto(around.url);
    await eventually(() => at('content-duration').getAttribute('data-value')).toBe('634570');
    await eventually(() => at('content-poster').evaluate((image) => (image as HTMLImageElement).naturalWidth)).toBe(1);
    expect(await text('content-card')).not.toContain('Off air');
    expect(await at('content-poster').getAttribute('src')).toMatch(/^blob:/);
    await at('catalogue-search').fill(`0x${'ab'.repeat(20)}`);
    await at('content-card').waitFor();
    expect(await faultsAtBothSizes(page, 'programme-stored')).toEqual([]);
  });

  test('shows neither when the provider’s bytes are not those of the CID', async () => {
    const picture = await stored(png);
    const metadata = await stored(document(`ipfs://${picture}`));
    library.blocks.set(picture, Buffer.concat([png, Buffer.from([0])]));
    around.metadataUri = `ipfs://${metadata}`;
    await page.goto(around.url);
    await at('content-duration').waitFor();
    await eventually(() => asked(`GET /ipfs/${picture}`)).toBeGreaterThan(1);
    expect(await at('content-poster').count()).toBe(0);
  });
});
