/**
 * Starts one stack for all journeys, on free ports and in a temporary folder, and takes it down after the last. With
 * PAYSTREAM_STACK=.dev the journeys use the stack that ./scripts/dev has started.
 */
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { stackVariable } from './journey.ts';
import { postgresHome, removePostgres } from './postgres.ts';
import { startStack } from './start.ts';
import { root } from './tools.ts';

export default async function globalSetup(): Promise<(() => Promise<void>) | undefined> {
  const standing = process.env[stackVariable];
  if (standing !== undefined) {
    process.env[stackVariable] = resolve(root, standing);
    return undefined;
  }
  const dataDir = mkdtempSync(join(tmpdir(), 'paystream-e2e-'));
  const started = Date.now();
  const logs = join(dataDir, 'logs');
  const keepLogs = (): void => {
    if (existsSync(logs)) cpSync(logs, join(root, 'e2e', 'test-results', 'logs'), { recursive: true });
  };
  const remove = (): void => {
    removePostgres(postgresHome(dataDir));
    rmSync(dataDir, { recursive: true, force: true });
  };
  try {
    const stack = await startStack({ dataDir, ports: 'free', restart: false }, (line) => console.log(`  ${line}`));
    console.log(`  the stack is ready (${((Date.now() - started) / 1000).toFixed(1)} s)`);
    process.env[stackVariable] = dataDir;
    return async () => {
      await stack.shutdown();
      keepLogs();
      remove();
    };
  } catch (error) {
    keepLogs();
    remove();
    throw error;
  }
}
