/** Why terms, a funding, a payment or a signature is refused; `code` is one of section 11 of docs/protocol.md. */
export type ChannelErrorCode =
  | 'malformed'
  | 'unsupported_script'
  | 'rail_unavailable'
  | 'wrong_channel'
  | 'amount_not_rising'
  | 'amount_exceeds_capacity'
  | 'bad_signature'
  | 'terms_differ';

export class ChannelError extends Error {
  override readonly name = 'ChannelError';
  readonly code: ChannelErrorCode;

  constructor(code: ChannelErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
