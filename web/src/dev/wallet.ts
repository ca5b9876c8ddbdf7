/**
 * A development wallet for each key of `config.dev`, announced by EIP-6963 as an extension would be, so that no extension is needed on
 * the development chain. It confirms everything at once. Built only with `--mode devnet`.
 */
import { createWalletClient, type Hex, http, numberToHex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import type { Config } from '../config.ts';

interface RequestArguments {
  readonly method: string;
  readonly params?: readonly unknown[];
}

export function announceDevWallets(config: Config): void {
  const wallets = (config.dev?.wallets ?? []).map(({ name, privateKey }, index) => {
    const uuid = `70617973-7472-4000-8000-${index.toString(16).padStart(12, '0')}`;
    return Object.freeze({
      info: Object.freeze({ uuid, name: `${name} (dev)`, icon: icon(index), rdns: `dev.paystream.wallet${index}` }),
      provider: provider(config, privateKey),
    });
  });
  const announce = (): void => {
    for (const detail of wallets) globalThis.dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail }));
  };
  globalThis.addEventListener('eip6963:requestProvider', announce);
  announce();
}

function provider(config: Config, privateKey: Hex) {
  const account = privateKeyToAccount(privateKey);
  const client = createWalletClient({ account, transport: http(config.chain.rpcUrl) });
  const chainId = numberToHex(config.chain.id);
  let connected = false;
  const request = async ({ method, params = [] }: RequestArguments): Promise<unknown> => {
    switch (method) {
      case 'eth_chainId':
        return chainId;
      case 'eth_requestAccounts':
      case 'wallet_requestPermissions':
        connected = true;
        return method === 'eth_requestAccounts' ? [account.address] : [{ parentCapability: 'eth_accounts' }];
      case 'eth_accounts':
        return connected ? [account.address] : [];
      case 'wallet_revokePermissions':
        connected = false;
        return null;
      case 'wallet_switchEthereumChain':
      case 'wallet_addEthereumChain':
        return null;
      case 'personal_sign':
        return account.signMessage({ message: { raw: params[0] as Hex } });
      case 'eth_signTypedData_v4':
        return account.signTypedData(JSON.parse(params[1] as string));
      case 'eth_sendTransaction': {
        const { to, data, value, gas } = params[0] as { to: Hex; data?: Hex; value?: Hex; gas?: Hex };
        return client.sendTransaction({
          chain: null,
          to,
          ...(data === undefined ? {} : { data }),
          ...(value === undefined ? {} : { value: BigInt(value) }),
          ...(gas === undefined ? {} : { gas: BigInt(gas) }),
        });
      }
      default:
        return client.request({ method, params } as never);
    }
  };
  return { request, on: () => undefined, removeListener: () => undefined };
}

function icon(index: number): string {
  const colour = ['#e8590c', '#1c7ed6', '#2f9e44', '#9c36b5'][index % 4];
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="${colour}"/><path d="M8 12h16v10H8z" fill="#fff"/></svg>`;
  return `data:image/svg+xml;base64,${btoa(svg)}`;
}
