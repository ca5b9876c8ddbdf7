/**
 * Payments that were signed, kept for the tab: one whose end is not known yet is sent again, which pays once and tells how it went; one
 * that is said to have failed may have been paid by a copy of its transaction, so nothing is signed beside it that could pay again.
 */
import type { ViewPayment } from '../provider/relay.ts';
import { isUsable } from './payment.ts';

type Fate = 'payment' | 'failed-payment';

const key = (fate: Fate, providerUrl: string, contentId: string, account: string): string =>
  [`paystream.${fate}`, providerUrl, contentId.toLowerCase(), account.toLowerCase()].join(' ');

export function pendingPayment(
  providerUrl: string,
  contentId: string,
  account: string,
  storage: Storage = sessionStorage,
): ViewPayment | null {
  return kept(key('payment', providerUrl, contentId, account), storage);
}

export function keepPayment(
  providerUrl: string,
  contentId: string,
  account: string,
  payment: ViewPayment,
  storage: Storage = sessionStorage,
): void {
  storage.setItem(key('payment', providerUrl, contentId, account), JSON.stringify(payment));
}

/** It is on chain: there is nothing left to send, or to be careful about. */
export function forgetPayment(providerUrl: string, contentId: string, account: string, storage: Storage = sessionStorage): void {
  for (const fate of ['payment', 'failed-payment'] as const) storage.removeItem(key(fate, providerUrl, contentId, account));
}

/** The provider says that the kept payment has failed. */
export function noteFailure(providerUrl: string, contentId: string, account: string, storage: Storage = sessionStorage): void {
  const text = storage.getItem(key('payment', providerUrl, contentId, account));
  if (text === null) return;
  storage.setItem(key('failed-payment', providerUrl, contentId, account), text);
  storage.removeItem(key('payment', providerUrl, contentId, account));
}

/** As long as somebody could still send it. */
export function failedPayment(
  providerUrl: string,
  contentId: string,
  account: string,
  storage: Storage = sessionStorage,
): ViewPayment | null {
  return kept(key('failed-payment', providerUrl, contentId, account), storage);
}

function kept(at: string, storage: Storage): ViewPayment | null {
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
