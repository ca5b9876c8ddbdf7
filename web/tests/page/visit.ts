/** A page with a wallet, beside an indexer, a chain and a provider with a library: one for each test. */
import type { BrowserContext, Page } from '@playwright/test';
import { expect } from 'vitest';
import { type Built, wide } from './browser.ts';
import { Library } from './library.ts';
import { SigningWallet } from './signing-wallet.ts';
import { chainId, Surroundings } from './surroundings.ts';

/** A token of the page's settings. */
export const token = {
  address: '0x9fe46736679d2d9a65f0992f2272de9f3c7fa6e0',
  symbol: 'TST',
  name: 'Test token',
  decimals: 6,
  version: '1',
} as const;

export interface Visit {
  readonly around: Surroundings;
  readonly library: Library;
  readonly wallet: SigningWallet;
  readonly context: BrowserContext;
  readonly page: Page;
}

export async function visit(built: Built): Promise<Visit> {
  const around = new Surroundings(built.dist);
  const library = new Library();
  library.chainId = chainId;
  await Promise.all([around.listen(), library.listen()]);
  around.providerUrl = library.url;
  const wallet = new SigningWallet();
  const context = await built.browser.newContext({ viewport: wide, reducedMotion: 'reduce' });
  await wallet.announce(context, chainId);
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  return { around, library, wallet, context, page };
}

export async function leave({ context, around, library }: Visit): Promise<void> {
  await context.close();
  around.close();
  library.close();
}

/** The page and its provider take their time on a busy machine. */
export const eventually = <T>(look: () => T) => expect.poll(look, { timeout: 20_000 });

/** At a place of the page, with the wallet connected. */
export async function connect({ page, around }: Visit, hash: string): Promise<void> {
  await page.goto(`${around.url}/${hash}`);
  await page.getByTestId('wallet-button').click();
  await page.getByTestId('wallet-option').click();
  await eventually(() => page.getByTestId('wallet-button').textContent()).toMatch(/^0x/);
}
