/** Payments that were signed and whose end is not known yet, kept for the tab: to send one again pays once, and tells how it went. */
import type { ViewPayment } from '../provider/relay.ts';
import { isUsable } from './payment.ts';

const key = (providerUrl: string, contentId: string, account: string): string =>
  ['paystream.payment', providerUrl, contentId.toLowerCase(), account.toLowerCase()].join(' ');

export function pendingPayment(
  providerUrl: string,
  contentId: string,
  account: string,
  storage: Storage = sessionStorage,
): ViewPayment | null {
  const at = key(providerUrl, contentId, account);
  const text = storage.getItem(at);
  if (text === null) return null;
  try {
    // Written by this page and read by nobody else: a provider checks every field of it.
    const payment = JSON.parse(text) as ViewPayment;
    if (isUsable(payment, BigInt(Math.floor(Date.now() / 1000)))) return payment;
  } catch {
    // Written by another version of the page: as good as none.
  }
  storage.removeItem(at);
  return null;
}

export function keepPayment(
  providerUrl: string,
  contentId: string,
  account: string,
  payment: ViewPayment,
  storage: Storage = sessionStorage,
): void {
  storage.setItem(key(providerUrl, contentId, account), JSON.stringify(payment));
}

export function forgetPayment(providerUrl: string, contentId: string, account: string, storage: Storage = sessionStorage): void {
  storage.removeItem(key(providerUrl, contentId, account));
}
