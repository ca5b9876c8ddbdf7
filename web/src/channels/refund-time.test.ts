import { describe, expect, test } from 'vitest';
import { refundTime } from './refund-time.ts';

describe('the time of a refund', () => {
  test.each([
    ['is a height alone while the tip is not known', null, 'at block 388'],
    ['is told in minutes when it is near', 387, 'at block 388, in about 10 minutes'],
    ['is told in hours', 244, 'at block 388, in about 24 hours'],
    ['is now at the height', 388, 'now'],
    ['is now past the height', 400, 'now'],
  ])('%s', (_name, tip, words) => expect(refundTime(388, tip)).toBe(words));

  test('is told in days when it is far', () => expect(refundTime(3016, 1000)).toBe('at block 3\u202f016, in about 14 days'));
});
