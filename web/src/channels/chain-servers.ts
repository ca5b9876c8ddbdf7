/**
 * Which servers tell the page about Bitcoin, in order: the configured one, else (regtest) the channel's provider, other providers that the
 * page knows, and one that the person has entered.
 */
import type { Config } from '../config.ts';
import { Esplora } from '../esplora/client.ts';
import { listChannels } from './store.ts';

const key = 'paystream.chain-server';

/** Providers that the indexer has named since the page was opened: on regtest each of them is a view of the chain. */
const named = new Set<string>();

export function rememberProviders(urls: readonly string[]): void {
  for (const url of urls) named.add(url);
}

export function enteredServer(): string {
  return localStorage.getItem(key) ?? '';
}

/** Empty forgets it. Throws for what is no address. */
export function enterServer(text: string): void {
  const url = text.trim().replace(/\/+$/, '');
  if (url !== '' && (!/^https?:\/\//.test(url) || !URL.canParse(url)))
    throw new Error('Enter an address that begins with http:// or https://.');
  if (url === '') localStorage.removeItem(key);
  else localStorage.setItem(key, url);
}

export function chainServers(config: Config, providerUrl: string | null): readonly Esplora[] {
  const urls: string[] = [];
  if (config.bitcoin.esploraUrl !== null) urls.push(config.bitcoin.esploraUrl);
  if (config.bitcoin.network === 'regtest') {
    const providers = [...(providerUrl === null ? [] : [providerUrl]), ...named, ...listChannels().map((record) => record.providerUrl)];
    urls.push(...providers.map((url) => `${url.replace(/\/+$/, '')}/esplora`));
  }
  const entered = enteredServer();
  if (entered !== '') urls.push(entered);
  return [...new Set(urls)].map((url) => new Esplora(url));
}
