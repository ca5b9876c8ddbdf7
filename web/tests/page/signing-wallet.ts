/** A wallet in the page, announced by EIP-6963, whose key is the test's: it really signs, and notes what it was asked for. */
import type { BrowserContext } from '@playwright/test';
import type { Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';

interface Reply {
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string };
}

export class SigningWallet {
  readonly account = privateKeyToAccount(`0x${'7e'.repeat(32)}`);
  readonly asked: { method: string; params: unknown[] }[] = [];
  /** As its person would: EIP-1193 code 4001. */
  refuses = false;
  /** Its person is somewhere else. */
  waits = false;

  async announce(context: BrowserContext, chainId: number): Promise<void> {
    await context.exposeFunction('paystreamTestWallet', (method: string, params: unknown[]) => this.#answer(method, params));
    await context.addInitScript(announceInPage, { account: this.account.address, chain: `0x${chainId.toString(16)}` });
  }

  count(method: string): number {
    return this.asked.filter((entry) => entry.method === method).length;
  }

  async #answer(method: string, params: unknown[]): Promise<Reply> {
    this.asked.push({ method, params });
    if (this.refuses) return { error: { code: 4001, message: 'User rejected the request.' } };
    if (this.waits) return new Promise(() => undefined);
    switch (method) {
      case 'personal_sign':
        return { result: await this.account.signMessage({ message: { raw: params[0] as Hex } }) };
      case 'eth_signTypedData_v4':
        return { result: await this.account.signTypedData(JSON.parse(params[1] as string)) };
      default:
        return { result: `0x${'7a'.repeat(32)}` };
    }
  }
}

/** Runs in the page. */
function announceInPage({ account, chain }: { account: string; chain: string }): void {
  const scope = globalThis as unknown as { paystreamTestWallet: (method: string, params: unknown[]) => Promise<Reply> };
  const request = async ({ method, params = [] }: { method: string; params?: unknown[] }): Promise<unknown> => {
    switch (method) {
      case 'eth_chainId':
        return chain;
      case 'eth_accounts':
        return localStorage.getItem('the wallet is connected') === null ? [] : [account];
      case 'eth_requestAccounts':
        localStorage.setItem('the wallet is connected', 'yes');
        return [account];
      case 'wallet_requestPermissions':
        localStorage.setItem('the wallet is connected', 'yes');
        return [{ parentCapability: 'eth_accounts', caveats: [{ type: 'restrictReturnedAccounts', value: [account] }] }];
      case 'personal_sign':
      case 'eth_signTypedData_v4':
      case 'eth_sendTransaction': {
        const { result, error } = await scope.paystreamTestWallet(method, params);
        if (error !== undefined) throw Object.assign(new Error(error.message), { code: error.code });
        return result;
      }
      default:
        return null;
    }
  };
  const detail = Object.freeze({
    info: Object.freeze({
      uuid: '350670db-19fa-4704-a166-e52e178b59d3',
      name: 'A wallet',
      icon: 'data:image/svg+xml,<svg/>',
      rdns: 'org.example.signing',
    }),
    provider: { request, on: () => undefined, removeListener: () => undefined },
  });
  const announce = (): void => void dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail }));
  addEventListener('eip6963:requestProvider', announce);
  announce();
}
