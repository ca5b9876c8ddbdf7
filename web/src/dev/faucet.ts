/** The regtest faucet of the development stack. Built only with `--mode devnet`. */
import type { DevSettings } from '../config.ts';

export async function fundFromFaucet(dev: DevSettings, address: string, sat: bigint): Promise<string> {
  const response = await fetch(`${dev.faucetUrl}/fund`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ address, sat: sat.toString() }),
  }).catch(() => null);
  if (response === null) throw new Error('The development faucet does not answer. Is the stack running?');
  if (!response.ok) throw new Error(`The development faucet answered ${response.status}: ${(await response.text()).slice(0, 200)}`);
  return ((await response.json()) as { txid: string }).txid;
}
