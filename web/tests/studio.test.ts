/** The creator's side: uploads, and the terms of what is registered. */
import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeFunctionData, getAddress, type Hex } from 'viem';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { streamRegistryAbi } from '../src/contracts/abi.ts';
import { contentIdOf } from '../src/contracts/content-id.ts';
import { type Built, buildAndLaunch, faultsAtBothSizes } from './page/browser.ts';
import { problem } from './page/library.ts';
import { connect, eventually, leave, token, type Visit, visit } from './page/visit.ts';

const cid = 'bafybeie56llhlo235yumoc6vlvuxoacjachulrwvhfifburb32dwzd2a7u';
const metadataCid = 'bafkreiefezspyd57xh6mmjfgvcglji4vfnrjvzwod3mn6cnziytoz6ny7y';
/** Three pieces, the last one short. */
const movie = randomBytes(20_000_000);

let built: Built;
let here: Visit;
let page: Visit['page'];
let around: Visit['around'];
let library: Visit['library'];
let wallet: Visit['wallet'];
let file: string;

beforeAll(async () => {
  built = await buildAndLaunch();
  file = join(built.folder, 'My_first film.mp4');
  writeFileSync(file, movie);
}, 180_000);
afterAll(async () => built?.close());

beforeEach(async () => {
  here = await visit(built);
  ({ page, around, library, wallet } = here);
});
afterEach(() => leave(here));

const at = (testId: string) => page.getByTestId(testId);
const text = (testId: string) => at(testId).textContent();
const kind = () => at('upload-state').getAttribute('data-kind');
/** How often the provider was. */
const asked = (request: string) => library.requests.filter((entry) => entry === request).length;
const item = () => {
  const [first] = library.items;
  if (first === undefined) throw new Error('nothing was uploaded');
  return first;
};

const connected = (hash: string) => connect(here, hash);

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
    await at('item-delete').dblclick();
    await at('item-keep').waitFor();
    expect(library.items).toHaveLength(1);
    // The keyboard stays on the button that turns back.
    await at('item-keep').press('Enter');
    await at('item-delete').waitFor();
    await page.keyboard.press('Enter');
    await at('item-delete-really').click();
    await eventually(() => library.items.length).toBe(0);
    await at('own-item').waitFor({ state: 'detached' });
    await at('upload-another').click();
    await at('upload-drop').waitFor();
  });

  test('can be followed by another one while the streamer works on it', async () => {
    await chosen();
    await at('upload-start').click();
    await eventually(() => text('upload-stage')).toBe('Waiting for its turn');
    await at('upload-another').click();
    await at('upload-drop').waitFor();
    await eventually(() => at('item-state').getAttribute('data-state')).toBe('queued');
    expect(asked('DELETE /v1/items/item-0')).toBe(0);
  });

  test('is listed again after a new sign-in when the streamer has forgotten the old one', async () => {
    await connected('#/studio');
    await at('items-sign-in').click();
    await page.getByText('Nothing has been uploaded by this account yet.').waitFor();
    library.forgetTokens();
    await at('items-sign-in').click();
    await page.getByText('Nothing has been uploaded by this account yet.').waitFor();
    expect(wallet.count('personal_sign')).toBe(2);
  });

  test('that misses its place is not opened in the place of the page', async () => {
    await connected('#/studio');
    const kept = await page.evaluate(() => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(['film'], 'dropped.mp4', { type: 'video/mp4' }));
      return ['dragover', 'drop'].map((type) =>
        document.body.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true })),
      );
    });
    expect(kept).toEqual([false, false]);
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
