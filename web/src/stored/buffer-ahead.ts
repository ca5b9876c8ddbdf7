/** How far ahead the player reads, as the viewer set it. What is read is paid for, whether it is watched or not. */
export const leastAheadS = 5;
export const mostAheadS = 120;
export const usualAheadS = 20;

const key = 'paystream.buffer-ahead';

export function storedAhead(storage: Pick<Storage, 'getItem'> = localStorage): number {
  const text = storage.getItem(key);
  return text === null || !/^\d{1,3}$/.test(text) ? usualAheadS : boundedAhead(Number(text));
}

export function storeAhead(seconds: number, storage: Pick<Storage, 'setItem'> = localStorage): number {
  const bounded = boundedAhead(seconds);
  try {
    storage.setItem(key, String(bounded));
  } catch {
    // A browser that keeps nothing: it holds for this page.
  }
  return bounded;
}

export function boundedAhead(seconds: number): number {
  return Number.isFinite(seconds) ? Math.round(Math.min(mostAheadS, Math.max(leastAheadS, seconds))) : usualAheadS;
}
