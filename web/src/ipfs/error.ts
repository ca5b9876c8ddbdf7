/** What a provider sent is not what the CID names. Never a matter of trying the same provider again. */
export type DamageKind = 'mismatch' | 'unsupported_hash' | 'unsupported_codec' | 'malformed' | 'unexpected' | 'too_large' | 'too_deep';

export class DamagedError extends Error {
  override readonly name = 'DamagedError';
  readonly kind: DamageKind;
  /** The block that was checked, or the one that was expected in its place; null where no block was reached. */
  readonly cid: string | null;

  constructor(kind: DamageKind, cid: string | null, detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.kind = kind;
    this.cid = cid;
  }
}

/** The response ended, or broke, before it was whole: nothing is wrong with what has come, and trying again may help. */
export class CutOffError extends Error {
  override readonly name = 'CutOffError';
  /** It did not break: for a long time nothing came. */
  readonly silent: boolean;

  constructor(detail: string, { silent = false, ...options }: ErrorOptions & { silent?: boolean } = {}) {
    super(detail, options);
    this.silent = silent;
  }
}
