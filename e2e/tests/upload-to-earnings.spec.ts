import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TestInfo } from '@playwright/test';
import { type Address, parseAbi } from 'viem';
import { publicClient } from '../stack/ethereum.ts';
import { expect, test } from '../stack/journey.ts';
import type { Stack } from '../stack/stack.ts';
import { footage, json, openAs, uploadAndRegister } from './stored.ts';
import { Watching } from './watching.ts';

const title = 'A rabbit wakes up';
/** A quarter of the chain's token, which has six decimals. */
const price = 250_000n;
const creatorPart = (price * 8_000n) / 10_000n;

test('upload-to-earnings: uploaded footage is paid by the second and by the view, and each share is paid out once', async ({
  browser,
  stack,
}, testInfo) => {
  test.setTimeout(600_000);
  const { accounts, urls, token } = stack.record;
  const before = { creator: await balance(stack, accounts.creator.address), provider: await balance(stack, accounts.provider.address) };

  const contentId = await test.step('the creator uploads it, sees what an hour earns, and registers it', async () => {
    const studio = await openAs(browser, stack, 'Creator', '#/studio');
    const file = await footage(testInfo, 24);
    const id = await uploadAndRegister(studio, stack, file, { title, satPerMinute: '2400', perView: '0.25', sharePercent: '80' });
    await studio.context().close();
    return id;
  });
  const { cid } = await json<{ cid: string }>(`${urls.indexer}/v1/contents/${contentId}`);

  await test.step('a viewer pays for it by the second with Bitcoin, and seeks', async () => {
    const page = await (await browser.newContext()).newPage();
    const watching = new Watching(page, stack);
    await watching.fund(contentId, 5);
    await watching.reaches('stored-time', 3_000);
    await watching.reaches('verified-blocks', 1);
    // What is signed never exceeds what was checked: 40 sat a second, rounded up.
    const [paid, checked] = [await watching.value('paid-sat'), await watching.value('checked')];
    expect(paid).toBeGreaterThan(0);
    expect(paid).toBeLessThanOrEqual(Math.ceil((checked * 40) / 1_000));
    await page.screenshot({ path: testInfo.outputPath('stored-desktop.png') });
    await page.setViewportSize({ width: 390, height: 844 });
    await page.screenshot({ path: testInfo.outputPath('stored-phone.png') });
    await page.setViewportSize({ width: 1280, height: 800 });
    await watching.at('stored-seek').fill('18');
    await watching.reaches('stored-time', 19_000);
    await expect(watching.at('verified-badge')).toHaveAttribute('data-outcome', 'verified');
    const marks = await page.evaluate(() =>
      ['paystream.first-frame', 'paystream.seek-frame'].map(
        (name) => performance.getEntriesByName(name, 'measure').at(-1)?.duration ?? null,
      ),
    );
    testInfo.annotations.push({ type: 'click to first frame, seek to next frame (ms)', description: marks.join(', ') });
    expect(marks).not.toContain(null);
    await watching.leave();
    await page.context().close();
  });

  await test.step('another viewer, who owns no ether, buys the view by signing', async () => {
    const page = await openAs(browser, stack, 'Token holder', `#/content/${contentId}`);
    const watching = new Watching(page, stack);
    await watching.at('buy-view-token').click();
    await expect(watching.at('view-bought').or(watching.at('view-open')).first()).toBeVisible({ timeout: 60_000 });
    const open = watching.at('stored-open');
    if (await open.isVisible()) await open.click();
    await watching.reaches('stored-time', 3_000);
    expect(await ether(stack, accounts.tokenViewer.address)).toBe(0n);
    await page.context().close();
  });

  await test.step('a third viewer pays in a token without authorisations, by a permit, and sends nothing', async () => {
    const { permitToken } = stack.record;
    const studio = await openAs(browser, stack, 'Creator', '#/studio');
    const own = studio.getByTestId('own-content').filter({ hasText: title });
    await own.getByTestId('edit-terms').click();
    await own.getByTestId('terms-currency').selectOption(permitToken.address.toLowerCase());
    await own.getByTestId('terms-per-view').fill('2');
    await own.getByTestId('save-terms').click();
    await expect
      .poll(() => json(`${urls.indexer}/v1/contents/${contentId}`), { timeout: 60_000 })
      .toMatchObject({ terms: { token: permitToken.address.toLowerCase() } });
    await studio.context().close();
    const sent = await transactions(stack, accounts.viewer.address);
    const page = await openAs(browser, stack, 'Viewer', `#/content/${contentId}`);
    await expect(page.getByTestId('view-price')).toHaveText(`2 ${permitToken.symbol}`);
    await page.getByTestId('buy-view-token').click();
    await new Watching(page, stack).reaches('stored-time', 3_000);
    await expect
      .poll(() => json(`${urls.indexer}/v1/contents/${contentId}/views`))
      .toMatchObject({ items: [{ viewer: accounts.viewer.address.toLowerCase(), price: `${2n * 10n ** 18n}` }, {}] });
    expect(await transactions(stack, accounts.viewer.address)).toBe(sent);
    await page.context().close();
  });

  await test.step('the record and the earnings are in the API', async () => {
    const viewer = accounts.tokenViewer.address.toLowerCase();
    await expect.poll(async () => JSON.stringify(await json(`${urls.indexer}/api/get-records/cid/${cid}`))).toContain(viewer);
    expect(await unclaimed(stack, accounts.creator.address)).toBe(creatorPart);
    expect(await unclaimed(stack, accounts.provider.address)).toBe(price - creatorPart);
  });

  await test.step('distribute-earnings pays everybody, and run again it pays nobody twice', async () => {
    for (const run of ['first', 'second']) {
      await distribute(stack, testInfo, run);
      expect(await balance(stack, accounts.creator.address), run).toBe(before.creator + creatorPart);
      expect(await balance(stack, accounts.provider.address), run).toBe(before.provider + price - creatorPart);
    }
    await expect.poll(() => unclaimed(stack, accounts.creator.address)).toBe(0n);
  });

  async function unclaimed(stack: Stack, account: Address): Promise<bigint> {
    const { tokens } = await json<{ tokens: { token: string; unclaimed: string }[] }>(
      `${stack.record.urls.indexer}/v1/accounts/${account}/earnings`,
    );
    return BigInt(tokens.find((row) => row.token === token.address.toLowerCase())?.unclaimed ?? '0');
  }
});

async function distribute(stack: Stack, testInfo: TestInfo, run: string): Promise<void> {
  const { urls, token } = stack.record;
  const program = join(process.env.CARGO_TARGET_DIR ?? 'target', 'debug', 'paystream-distribute');
  await promisify(execFile)(program, [
    ...['local', '--execute', '--rpc-url', urls.ethereum, '--deployment', stack.paths.deployment],
    ...['--token', token.address, '--min', `${token.address}=0`],
    ...['--key-file', join(stack.paths.keys, 'second-provider'), '--journal', testInfo.outputPath('distribute.journal')],
    ...['--csv', testInfo.outputPath(`${run}.csv`)],
  ]);
}

const balance = (stack: Stack, account: Address): Promise<bigint> =>
  publicClient(stack.record.urls.ethereum).readContract({
    address: stack.record.token.address,
    abi: parseAbi(['function balanceOf(address account) view returns (uint256)']),
    functionName: 'balanceOf',
    args: [account],
  });

const transactions = (stack: Stack, account: Address): Promise<number> =>
  publicClient(stack.record.urls.ethereum).getTransactionCount({ address: account });

const ether = (stack: Stack, account: Address): Promise<bigint> =>
  publicClient(stack.record.urls.ethereum).getBalance({ address: account });
