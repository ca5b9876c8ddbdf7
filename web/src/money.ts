/** How money and time are written for people, and read from them. Amounts are bigint throughout; nothing here touches a float. */

/** 12345678 -> "12 345 678" with thin spaces. */
export function formatInteger(value: bigint): string {
  const digits = (value < 0n ? -value : value).toString().replace(/\B(?=(\d{3})+$)/g, '\u202f');
  return value < 0n ? `−${digits}` : digits;
}

export function formatSat(sat: bigint): string {
  return `${formatInteger(sat)} sat`;
}

/** As BIP 21 wants it: 123456 -> "0.00123456". */
export function satToBtc(sat: bigint): string {
  return formatUnits(sat, 8);
}

/** Wei as ether, without needless zeros. */
export function formatEther(wei: bigint): string {
  return `${formatUnits(wei, 18)} ETH`;
}

/** A rate of msat per second in sat for so many seconds, to the millisatoshi: 20000 -> "20", 1500 -> "1.5"; an hour of the first -> "72 000". */
export function formatRate(msatPerSecond: bigint, seconds = 1n): string {
  const msat = msatPerSecond * seconds;
  const fraction = formatUnits(msat % 1000n, 3).replace(/^0/, '');
  return `${formatInteger(msat / 1000n)}${fraction}`;
}

export function formatUnits(value: bigint, decimals: number): string {
  const negative = value < 0n;
  const digits = (negative ? -value : value).toString().padStart(decimals + 1, '0');
  const whole = digits.slice(0, digits.length - decimals);
  const fraction = digits.slice(digits.length - decimals).replace(/0+$/, '');
  return `${negative ? '−' : ''}${fraction === '' ? whole : `${whole}.${fraction}`}`;
}

/** A decimal number as a person types it ("0.001", "1,5") to an integer of its smallest unit; null when it is no such number. */
export function parseUnits(text: string, decimals: number): bigint | null {
  const match = /^(\d{1,30})(?:[.,](\d*))?$/.exec(text.trim());
  if (match === null) return null;
  const fraction = match[2] ?? '';
  if (fraction.replace(/0+$/, '').length > decimals) return null;
  return BigInt(match[1] + fraction.slice(0, decimals).padEnd(decimals, '0'));
}

/** The Studio asks for a price a minute, the registry keeps msat per second: rounded up, so that a price is never lost to zero. */
export function msatPerMinuteToMsatPerSecond(msatPerMinute: bigint): bigint {
  return (msatPerMinute + 59n) / 60n;
}

/** msat per second to sat for so many milliseconds, rounded up. */
export function costOf(msatPerSecond: bigint, milliseconds: bigint): bigint {
  const product = msatPerSecond * milliseconds;
  return product <= 0n ? 0n : (product + 999_999n) / 1_000_000n;
}

/** 9000 -> "90 %", 1250 -> "12.5 %". */
export function formatShare(bps: number): string {
  return `${formatUnits(BigInt(bps), 2)}\u202f%`;
}

/** 3725000 -> "1:02:05". */
export function formatDuration(milliseconds: number): string {
  const total = Math.max(0, Math.floor(milliseconds / 1000));
  const seconds = String(total % 60).padStart(2, '0');
  const minutes = Math.floor(total / 60) % 60;
  const hours = Math.floor(total / 3600);
  return hours === 0 ? `${minutes}:${seconds}` : `${hours}:${String(minutes).padStart(2, '0')}:${seconds}`;
}

/** The middle of a long id left out: "0x1234…abcd". */
export function shorten(id: string, head = 6, tail = 4): string {
  return id.length <= head + tail + 1 ? id : `${id.slice(0, head)}…${id.slice(-tail)}`;
}
