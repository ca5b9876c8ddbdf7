import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import openapiTS, { astToString } from 'openapi-typescript';
import { build } from 'vite';
import { expect, test } from 'vitest';

const web = join(import.meta.dirname, '..');

/** Texts that only development code has. */
const traces = ['dev faucet', 'development faucet', 'dev.paystream.wallet', 'paystream.dev.change-key', 'faucetUrl'];

async function built(mode: string): Promise<string> {
  const outDir = mkdtempSync(join(tmpdir(), 'paystream-web-'));
  try {
    await build({ root: web, configFile: join(web, 'vite.config.ts'), mode, logLevel: 'silent', build: { outDir, emptyOutDir: true } });
    const files = readdirSync(outDir, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(js|html|css)$/.test(name));
    return files.map((name) => readFileSync(join(outDir, name), 'utf8')).join('\n');
  } finally {
    rmSync(outDir, { recursive: true, force: true });
  }
}

test('a production build holds no development wallet and no faucet', { timeout: 120_000 }, async () => {
  const production = await built('production');
  expect(production.includes('Paystream')).toBe(true);
  expect(traces.filter((trace) => production.includes(trace))).toEqual([]);
});

test('a devnet build holds both, so that the test above can fail', { timeout: 120_000 }, async () => {
  const devnet = await built('devnet');
  expect(traces.filter((trace) => !devnet.includes(trace))).toEqual([]);
});

test('the client’s types are those of the indexer’s OpenAPI document', { timeout: 60_000 }, async () => {
  const types = astToString(await openapiTS(new URL('../../indexer/openapi.json', import.meta.url)));
  const committed = readFileSync(join(web, 'src/api/schema.d.ts'), 'utf8');
  const body = (text: string): string => text.slice(text.indexOf('export interface paths')).trim();
  expect(body(committed), 'run `npm run api -w web`').toBe(body(types));
});
