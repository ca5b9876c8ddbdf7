import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import AxeBuilder from '@axe-core/playwright';
import { type Browser, type BrowserContext, chromium, type Page } from '@playwright/test';
import { Transaction } from '@scure/btc-signer';
import { build } from 'vite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { chainId, change, contentId, Surroundings } from './page/surroundings.ts';

const web = join(import.meta.dirname, '..');
const wide = { width: 1280, height: 800 };
const narrow = { width: 390, height: 844 };
const folder = mkdtempSync(join(tmpdir(), 'paystream-page-'));
let browser: Browser;
let context: BrowserContext;
let page: Page;
let around: Surroundings;

beforeAll(async () => {
  const outDir = join(folder, 'dist');
  await build({
    root: web,
    configFile: join(web, 'vite.config.ts'),
    mode: 'production',
    logLevel: 'silent',
    build: { outDir, emptyOutDir: true },
  });
  const executablePath = process.env.CHROMIUM;
  browser = await chromium.launch({
    ...(executablePath === undefined ? {} : { executablePath }),
    args: ['--disable-gpu', '--disable-quic'],
  });
}, 180_000);

afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  around = new Surroundings(join(folder, 'dist'));
  await around.listen();
  context = await browser.newContext({ viewport: wide, reducedMotion: 'reduce' });
  page = await context.newPage();
  page.setDefaultTimeout(20_000);
});

afterEach(async () => {
  await context.close();
  around.close();
});

const at = (testId: string) => page.getByTestId(testId);

/** What axe finds, by rule and place; and nothing may stand out of the screen's width. */
async function faults(): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const tooWide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
  return [
    ...violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(' ')}`)),
    ...(tooWide ? ['the page is wider than its screen'] : []),
  ];
}

async function faultsAtBothSizes(name: string): Promise<string[]> {
  const found: string[] = [];
  for (const size of [wide, narrow]) {
    await page.setViewportSize(size);
    const shots = process.env.PAGE_SHOTS;
    if (shots !== undefined) await page.screenshot({ path: join(shots, `${name}-${size.width}.png`), fullPage: true });
    found.push(...(await faults()).map((fault) => `${size.width}: ${fault}`));
  }
  await page.setViewportSize(wide);
  return found;
}

async function openChannel(): Promise<void> {
  await page.goto(`${around.url}/#/content/${contentId}`);
  await at('change-address').fill(change.address);
  if (!around.live) await at('off-air-accept').check();
  await at('watch').click();
  await at('fund').waitFor();
}

describe('content that is off air', { timeout: 120_000 }, () => {
  test('is funded only by a viewer who says that it may wait, and is warned again before paying', async () => {
    around.live = false;
    await page.goto(`${around.url}/#/content/${contentId}`);
    await at('change-address').fill(change.address);
    const warning = at('off-air-warning');
    await expect.poll(() => warning.textContent()).toContain('at block 388, in about 31 hours');
    expect(await at('watch').isDisabled()).toBe(true);
    expect(await at('off-air-accept').getAttribute('aria-describedby')).toBe(await warning.getAttribute('id'));
    expect(await faultsAtBothSizes('off-air-offer')).toEqual([]);

    await at('off-air-accept').focus();
    await page.keyboard.press('Space');
    expect(await at('watch').textContent()).toContain('Wait for it');
    await at('watch').click();
    await at('fund').getByTestId('off-air-warning').waitFor();
    expect(await faultsAtBothSizes('off-air-fund')).toEqual([]);

    around.live = true;
    await warning.waitFor({ state: 'detached' });
    expect(await at('fund').locator('h2').textContent()).toContain('to start');
  });

  test('that goes off air as Watch is pressed opens no channel', async () => {
    await page.goto(`${around.url}/#/content/${contentId}`);
    await at('change-address').fill(change.address);
    await expect.poll(() => at('watch').isEnabled()).toBe(true);
    around.live = false;
    await at('watch').click();
    await expect.poll(() => at('problem').textContent()).toContain('has just ended');
    expect(await at('fund').count()).toBe(0);
    await at('off-air-warning').waitFor();
  });

  test('does not warn about what is live', async () => {
    await openChannel();
    expect(await at('off-air-warning').count()).toBe(0);
  });
});

describe('the recovery file', { timeout: 120_000 }, () => {
  test('saved, forgotten and opened again still gives the refund', async () => {
    const file = await savedFile();
    page.once('dialog', (dialog) => void dialog.accept());
    await at('channel').getByText('Remove from the list').click();
    await page.getByText('No channel yet').waitFor();

    await at('recovery-import').setInputFiles(file);
    await at('channel').waitFor();
    expect(await page.getByText('The channel of “A concert” is in this browser.').count()).toBe(1);
    expect(await faultsAtBothSizes('channels')).toEqual([]);

    around.utxos = [{ txid: '12'.repeat(32), vout: 1, value: 20_000, status: { confirmed: true, block_height: 210 } }];
    around.tip = 388;
    await expect.poll(() => around.broadcast.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(1);
    const refund = Transaction.fromRaw(Buffer.from(around.broadcast[0] ?? '', 'hex'), {
      allowUnknownInputs: true,
      allowUnknownOutputs: true,
    });
    expect(refund.lockTime).toBe(388);
    expect(Buffer.from(refund.getOutput(0).script ?? []).toString('hex')).toBe(change.script);
    expect(refund.outputsLength).toBe(1);
    await expect.poll(() => at('channel-state').textContent()).toBe('Refund on its way');
  });

  test.each([
    ['of something else', () => '{"type":"cat"}', 'not a recovery file'],
    ['that was cut off', (text: string) => text.slice(0, text.length / 2), 'not JSON'],
    ['with another network written into it', (text: string) => text.replace('"regtest"', '"signet"'), 'damaged'],
    ['that is far too large', (text: string) => text.padEnd(200_000), 'too large'],
  ])('%s is refused, and the channels stay', async (_name, spoil, message) => {
    const file = await savedFile();
    const before = await page.evaluate(() => JSON.stringify(localStorage));
    const spoilt = join(folder, 'spoilt.json');
    writeFileSync(spoilt, spoil(readFileSync(file, 'utf8')));
    await at('recovery-import').setInputFiles(spoilt);
    await expect.poll(() => at('problem').textContent()).toContain(message);
    expect(await page.evaluate(() => JSON.stringify(localStorage))).toBe(before);
    expect(await at('channel').count()).toBe(1);
  });

  test('of another network is refused by its name, and nothing is taken in', async () => {
    const file = await savedFile();
    around.network = 'signet';
    await page.evaluate(() => localStorage.clear());
    await page.reload();
    await at('recovery-import').setInputFiles(file);
    await expect.poll(() => at('problem').textContent()).toContain('is on the Bitcoin network “regtest”, and this page works on “signet”');
    expect(await at('channel').count()).toBe(0);
  });

  async function savedFile(): Promise<string> {
    await openChannel();
    await page.goto(`${around.url}/#/channels`);
    await page.getByText('Keep it safe').click();
    const [download] = await Promise.all([page.waitForEvent('download'), at('recovery-download').click()]);
    const file = join(folder, download.suggestedFilename());
    await download.saveAs(file);
    return file;
  }
});

describe('a refund that would cost more than a tenth', { timeout: 120_000 }, () => {
  const amountOf = (hex: string | undefined) =>
    Transaction.fromRaw(Buffer.from(hex ?? '', 'hex'), { allowUnknownInputs: true, allowUnknownOutputs: true }).getOutput(0).amount;

  async function due(): Promise<bigint> {
    await openChannel();
    around.fees = { 6: 100 };
    around.utxos = [{ txid: '12'.repeat(32), vout: 1, value: 20_000, status: { confirmed: true, block_height: 210 } }];
    around.tip = 388;
    await page.goto(`${around.url}/#/channels`);
    await expect.poll(() => at('channel-state').textContent(), { timeout: 20_000 }).toBe('Refund put off');
    return BigInt((await at('dear-refund').getAttribute('data-fee')) ?? '');
  }

  test('is sent when the viewer says so, for the fee that was shown', async () => {
    const fee = await due();
    expect(fee).toBeGreaterThan(2_000n);
    expect(await at('dear-refund').textContent()).toContain('Nothing was sent and nothing is lost');
    expect(around.broadcast).toEqual([]);
    await page.getByText('Keep it safe').click();
    expect(await at('channel').textContent()).toMatch(/In the channel20\s000 sat/);
    expect(await page.getByText('Remove from the list').count()).toBe(0);
    expect(await faultsAtBothSizes('dear-refund')).toEqual([]);
    await at('refund-now').click();
    await expect.poll(() => at('channel-state').textContent()).toBe('Refund on its way');
    expect(amountOf(around.broadcast[0])).toBe(20_000n - fee);
  });

  test('is sent by the page itself as soon as fees are lower', async () => {
    const fee = await due();
    around.fees = { 6: 2 };
    await expect.poll(() => around.broadcast.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(1);
    expect(amountOf(around.broadcast[0])).toBe(20_000n - fee / 50n);
    await at('dear-refund').waitFor({ state: 'detached' });
  });

  test('is asked about again when fees have risen since', async () => {
    await due();
    let rate = 100;
    around.fees = {
      // Each answer names more than the one before it.
      get 6() {
        rate += 1;
        return rate;
      },
    };
    await at('refund-now').click();
    await expect.poll(() => at('problem').textContent()).toContain('Fees have just risen, and nothing was sent');
    expect(around.broadcast).toEqual([]);
  });
});

test('a channel that holds too little for any fee is called so, and removed after a question', { timeout: 120_000 }, async () => {
  await openChannel();
  around.utxos = [{ txid: '12'.repeat(32), vout: 1, value: 300, status: { confirmed: true, block_height: 210 } }];
  around.tip = 388;
  await page.goto(`${around.url}/#/channels`);
  await expect.poll(() => at('channel-state').textContent(), { timeout: 20_000 }).toBe('Too little to refund');
  expect(await at('dear-refund').textContent()).toContain('cannot be sent back');
  await page.getByText('Keep it safe').click();
  const asked: string[] = [];
  page.once('dialog', (dialog) => {
    asked.push(dialog.message());
    void dialog.accept();
  });
  await at('channel').getByText('Remove from the list').click();
  await page.getByText('No channel yet').waitFor();
  expect(asked).toEqual([expect.stringContaining('The page forgets its key')]);
});

describe('a wallet on another network', { timeout: 120_000 }, () => {
  /** What the wallet does when it is asked to switch. */
  type Manner = 'agrees' | 'cancels' | 'knows-not' | 'knows-not-and-refuses' | 'breaks';

  async function connect(manner: Manner): Promise<void> {
    await page.addInitScript(walletScript, { manner, target: `0x${chainId.toString(16)}` });
    await page.goto(`${around.url}/#/earnings`);
    await at('wallet-button').click();
    await at('wallet-option').click();
    expect(await at('switch-network').textContent()).toContain('Switch to Sepolia');
    await at('switch-network').click();
  }
  const asked = () => page.evaluate(() => (globalThis as unknown as { asked: { method: string; params: unknown[] }[] }).asked);

  test('is offered the switch, and shows its account after it', async () => {
    await connect('agrees');
    await expect.poll(() => at('wallet-button').textContent()).toMatch(/^0xabab/i);
    expect((await asked()).some(({ method }) => method === 'wallet_addEthereumChain')).toBe(false);
    expect(await faultsAtBothSizes('earnings')).toEqual([]);
    await page.goto(`${around.url}/#/studio`);
    await page.getByRole('heading', { name: 'Studio' }).waitFor();
    expect(await faultsAtBothSizes('studio')).toEqual([]);
  });

  test('that cancels is left alone', async () => {
    await connect('cancels');
    await expect.poll(async () => (await asked()).map(({ method }) => method)).toContain('wallet_switchEthereumChain');
    // The answer is in the page two frames later at the most.
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    expect(await at('switch-network').isVisible()).toBe(true);
    expect(await page.getByRole('alert').count()).toBe(0);
  });

  test('that does not know the network is given it', async () => {
    await connect('knows-not');
    await expect.poll(() => at('wallet-button').textContent()).toMatch(/^0xabab/i);
    const added = (await asked()).find(({ method }) => method === 'wallet_addEthereumChain');
    expect(added?.params[0]).toMatchObject({
      chainId: `0x${chainId.toString(16)}`,
      chainName: 'Sepolia',
      nativeCurrency: { symbol: 'ETH', decimals: 18 },
      rpcUrls: [`${around.url}/rpc`],
    });
  });

  test('that refuses to add the network says why', async () => {
    await connect('knows-not-and-refuses');
    await expect.poll(() => page.getByRole('alert').textContent()).toContain('The wallet refused: An HTTPS address is needed.');
    expect(await at('switch-network').isVisible()).toBe(true);
  });

  test('that fails to switch says why', async () => {
    await connect('breaks');
    await expect.poll(() => page.getByRole('alert').textContent()).toContain('attempting to switch');
    expect(await faultsAtBothSizes('wrong-network')).toEqual([]);
  });
});

/** Runs in the page: a wallet that announces itself by EIP-6963. */
function walletScript({ manner, target }: { manner: string; target: string }): void {
  const scope = globalThis as unknown as { asked: { method: string; params: unknown[] }[] };
  scope.asked = [];
  const account = `0x${'ab'.repeat(20)}`;
  let connected = false;
  let [chain, known] = ['0x1', !manner.startsWith('knows-not')];
  const fail = (code: number, message: string): never => {
    throw Object.assign(new Error(message), { code });
  };
  const request = async ({ method, params = [] }: { method: string; params?: unknown[] }): Promise<unknown> => {
    scope.asked.push({ method, params });
    switch (method) {
      case 'eth_chainId':
        return chain;
      case 'eth_accounts':
        return connected ? [account] : [];
      case 'eth_requestAccounts':
        connected = true;
        return [account];
      case 'wallet_requestPermissions':
        connected = true;
        return [{ parentCapability: 'eth_accounts', caveats: [{ type: 'restrictReturnedAccounts', value: [account] }] }];
      case 'wallet_switchEthereumChain':
        if (manner === 'cancels') fail(4001, 'User rejected the request.');
        if (manner === 'breaks') fail(-32603, 'out of order');
        if (!known) fail(4902, 'Unrecognized chain ID.');
        chain = target;
        return null;
      case 'wallet_addEthereumChain':
        if (manner === 'knows-not-and-refuses') fail(-32602, 'An HTTPS address is needed.');
        [chain, known] = [target, true];
        return null;
      default:
        return null;
    }
  };
  const detail = Object.freeze({
    info: Object.freeze({
      uuid: '350670db-19fa-4704-a166-e52e178b59d2',
      name: 'A wallet',
      icon: 'data:image/svg+xml,<svg/>',
      rdns: 'org.example.wallet',
    }),
    provider: { request, on: () => undefined, removeListener: () => undefined },
  });
  const announce = (): void => void dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail }));
  addEventListener('eip6963:requestProvider', announce);
  announce();
}

test('the programme and the Watch page are in order at both sizes', { timeout: 120_000 }, async () => {
  await page.goto(around.url);
  await at('content-card').waitFor();
  expect(await faultsAtBothSizes('programme')).toEqual([]);
  await page.goto(`${around.url}/#/content/${contentId}`);
  await at('change-address').waitFor();
  expect(await faultsAtBothSizes('watch')).toEqual([]);
});
