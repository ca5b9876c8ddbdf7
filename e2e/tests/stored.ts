/** What the journeys do with stored video: footage to upload, the page of each person, and the provider's blocks on its disk. */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Browser, expect, type Page, type TestInfo } from '@playwright/test';
import { CID } from 'multiformats/cid';
import * as raw from 'multiformats/codecs/raw';
import type { Hex } from 'viem';
import { footagePath } from '../stack/seed.ts';
import type { Stack } from '../stack/stack.ts';
import { root } from '../stack/tools.ts';

/** The first seconds of the real footage, in its own codecs: what a creator has on disk. */
export async function footage(testInfo: TestInfo, seconds: number): Promise<string> {
  const file = testInfo.outputPath('footage.mp4');
  const cut = ['-v', 'error', '-y', '-t', `${seconds}`, '-i', join(root, footagePath), '-c', 'copy', file];
  await promisify(execFile)(process.env.FFMPEG ?? 'ffmpeg', cut);
  return file;
}

/** A browser of its own for each person, with one of the built-in wallets connected. */
export async function openAs(browser: Browser, stack: Stack, wallet: string, path: string): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${stack.record.urls.web}/${path}`);
  await page.getByTestId('wallet-button').click();
  await page.getByTestId('wallet-option').filter({ hasText: wallet }).click();
  await expect(page.getByTestId('wallet-button')).toContainText('0x');
  return page;
}

export interface UploadTerms {
  readonly title: string;
  readonly satPerMinute: string;
  /** Of the chain's token. */
  readonly perView: string;
  readonly sharePercent: string;
}

/** Uploads through the Studio and registers; returns the content once its provider has announced its stream on chain. */
export async function uploadAndRegister(studio: Page, stack: Stack, file: string, terms: UploadTerms): Promise<Hex> {
  const { urls, token, accounts } = stack.record;
  const card = studio.getByTestId('upload');
  await card.getByTestId('upload-file').setInputFiles(file);
  await card.getByTestId('streamer-url').fill(urls.streamer);
  await card.getByTestId('upload-title').fill(terms.title);
  await card.getByTestId('upload-start').click();
  await expect(card.getByTestId('upload-state')).toHaveAttribute('data-kind', 'ready', { timeout: 180_000 });
  await card.getByTestId('terms-sat-per-minute').fill(terms.satPerMinute);
  await card.getByTestId('terms-currency').selectOption(token.address.toLowerCase());
  await card.getByTestId('terms-per-view').fill(terms.perView);
  await card.getByTestId('terms-share').fill(terms.sharePercent);
  await card.getByTestId('upload-register').click();
  const registered = card.getByTestId('upload-registered');
  await expect(registered).toBeVisible({ timeout: 60_000 });
  const contentId = (await registered.getAttribute('data-content')) as Hex;
  await expect
    .poll(() => json(`${urls.indexer}/v1/contents/${contentId}/streams`), { timeout: 60_000 })
    .toMatchObject({ items: [{ provider: accounts.provider.address.toLowerCase() }] });
  return contentId;
}

export async function json<T = unknown>(url: string): Promise<T> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return (await response.json()) as T;
}

/** The file in which a provider's store keeps a block: it is named by the digest, whatever the block's codec. */
export function blockFile(dataDir: string, provider: string, cid: string): string {
  const name = CID.createV1(raw.code, CID.parse(cid).multihash).toString();
  return join(dataDir, provider, 'blocks', name.slice(-2), name);
}

/** Flips one bit of a file. */
export function damage(file: string, at = 1_000): void {
  const bytes = readFileSync(file);
  const byte = bytes[at];
  if (byte === undefined) throw new Error(`${file} has only ${bytes.length} bytes`);
  bytes[at] = byte ^ 1;
  writeFileSync(file, bytes);
}
