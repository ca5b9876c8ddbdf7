import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WireError } from '../wire.ts';
import { readMessage } from './messages.ts';

describe('messages of the provider', () => {
  test('are read as the protocol writes them', () => {
    expect(readMessage('{"type":"due","paid_sat":"40","covers_ms":2000,"deadline_ms":1000}')).toEqual({
      type: 'due',
      paidSat: 40n,
      coversMs: 2000,
    });
    expect(readMessage('{"type":"gate","open":false,"reason":"payment_due"}')).toEqual({
      type: 'gate',
      open: false,
      reason: 'payment_due',
    });
    expect(readMessage('{"type":"end","reason":"left","closing_txid":null}')).toEqual({ type: 'end', reason: 'left', closingTxid: null });
  });

  test('of a later version are ignored', () => expect(readMessage('{"type":"chat","text":"hello"}')).toBeNull());

  test.each([
    ['not JSON', 'due'],
    ['a list', '[]'],
    ['an amount as a number', '{"type":"due","paid_sat":40,"covers_ms":2000}'],
    ['a negative amount', '{"type":"due","paid_sat":"-40","covers_ms":2000}'],
    ['a fraction', '{"type":"due","paid_sat":"1.5","covers_ms":2000}'],
    ['a leading zero', '{"type":"due","paid_sat":"040","covers_ms":2000}'],
    ['a fractional time', '{"type":"due","paid_sat":"40","covers_ms":0.5}'],
    [
      'a tick of an hour',
      `{"type":"started","session_id":"s","media_token":"t","tick_ms":3600000,"sequence":0,"paid_sat":"0","credit_ms":0}`,
    ],
    ['another version', `{"type":"hello","protocol":2,"nonce":"${'00'.repeat(32)}"}`],
    ['a short nonce', '{"type":"hello","protocol":1,"nonce":"00"}'],
  ])('that are malformed are refused: %s', (_name, text) => expect(() => readMessage(text)).toThrow(WireError));

  test('whatever they hold give a message, nothing, or a typed error', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('hello', 'started', 'due', 'receipt', 'gate', 'channel', 'error', 'end', 'x'),
        fc.json(),
        (type, json) => {
          const body = JSON.parse(json) as unknown;
          try {
            readMessage(JSON.stringify(typeof body === 'object' ? { ...body, type } : body));
          } catch (error) {
            expect(error).toBeInstanceOf(WireError);
          }
        },
      ),
    );
  });
});
