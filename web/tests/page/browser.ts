/** The real build in a real browser, once for a file of tests; and what axe finds. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import AxeBuilder from '@axe-core/playwright';
import { type Browser, chromium, type Page } from '@playwright/test';
import { build } from 'vite';

const web = join(import.meta.dirname, '..', '..');
export const wide = { width: 1280, height: 800 };
export const narrow = { width: 390, height: 844 };

export interface Built {
  readonly folder: string;
  readonly dist: string;
  readonly browser: Browser;
  readonly close: () => Promise<void>;
}

export async function buildAndLaunch(args: readonly string[] = []): Promise<Built> {
  const folder = mkdtempSync(join(tmpdir(), 'paystream-page-'));
  const dist = join(folder, 'dist');
  await build({
    root: web,
    configFile: join(web, 'vite.config.ts'),
    mode: 'production',
    logLevel: 'silent',
    build: { outDir: dist, emptyOutDir: true },
  });
  const executablePath = process.env.CHROMIUM;
  const browser = await chromium.launch({
    ...(executablePath === undefined ? {} : { executablePath }),
    args: ['--disable-gpu', '--disable-quic', ...args],
  });
  const close = async (): Promise<void> => {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { folder, dist, browser, close };
}

/** By rule and place, wide and narrow; and nothing may stand out of the screen's width. */
export async function faultsAtBothSizes(page: Page, name: string): Promise<string[]> {
  const found: string[] = [];
  for (const size of [wide, narrow]) {
    await page.setViewportSize(size);
    const shots = process.env.PAGE_SHOTS;
    if (shots !== undefined) await page.screenshot({ path: join(shots, `${name}-${size.width}.png`), fullPage: true });
    const { violations } = await new AxeBuilder({ page }).analyze();
    const tooWide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
    for (const { id, nodes } of violations) found.push(...nodes.map((node) => `${size.width}: ${id}: ${node.target.join(' ')}`));
    if (tooWide) found.push(`${size.width}: the page is wider than its screen`);
  }
  await page.setViewportSize(wide);
  return found;
}
