/** Reading JSON that somebody else wrote: each reader returns the value or throws a `WireError` that names the field. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

export type Json = Readonly<Record<string, unknown>>;

export function asObject(value: unknown, name: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new WireError(`${name} is not an object`);
  return value as Json;
}

export function asList(value: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new WireError(`${name} is not a list`);
  return value;
}

export function asText(value: unknown, name: string): string {
  if (typeof value !== 'string') throw new WireError(`${name} is not a text`);
  return value;
}

export function asBoolean(value: unknown, name: string): boolean {
  if (typeof value !== 'boolean') throw new WireError(`${name} is neither true nor false`);
  return value;
}

/** A whole number that JSON carries as a number: heights, sequences, milliseconds. */
export function asInteger(value: unknown, name: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw new WireError(`${name} is not a whole number`);
  return value;
}

/** An amount: a decimal text of an integer below 2^64 (satoshi, millisatoshi) or 2^256 (wei). */
export function asAmount(value: unknown, name: string): bigint {
  if (typeof value !== 'string' || !/^(0|[1-9]\d{0,77})$/.test(value)) throw new WireError(`${name} is not an amount`);
  return BigInt(value);
}

export function asHex(value: unknown, name: string, bytes?: number): string {
  if (typeof value !== 'string' || !/^([0-9a-f]{2})*$/.test(value)) throw new WireError(`${name} is not lower-case hex`);
  if (bytes !== undefined && value.length !== bytes * 2) throw new WireError(`${name} is not ${bytes} bytes`);
  return value;
}
