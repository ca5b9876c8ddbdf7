import { createClient, custom } from 'viem';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Config } from 'wagmi';
import { included } from './included.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('a transaction that no block takes for three minutes is not called lost', async () => {
  const request = async ({ method }: { method: string }): Promise<unknown> => (method === 'eth_blockNumber' ? '0x1' : null);
  const client = createClient({ transport: custom({ request }, { retryCount: 0 }), pollingInterval: 60_000 });
  const wallets = { getClient: () => client } as unknown as Config;
  const waiting = expect(included(wallets, 1, `0x${'7a'.repeat(32)}`)).rejects.toThrow(
    'was sent and is not in a block yet. Nothing needs to be sent again',
  );
  await vi.advanceTimersByTimeAsync(180_000);
  await waiting;
});
