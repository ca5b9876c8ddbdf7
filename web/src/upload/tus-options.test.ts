import { describe, expect, test } from 'vitest';
import { fingerprintOf, itemIdOf, mayRetry, metadataOf, objectionToFile, objectionToWords, problemOf, titleFrom } from './tus-options.ts';

const file = { name: 'My film.mp4', type: 'video/mp4', size: 9, lastModified: 7 };

test('an upload is found again by file, account and streamer, and by nothing less', () => {
  const own = fingerprintOf(file, 'https://s/v1/uploads', '0xAB');
  expect(fingerprintOf({ ...file }, 'https://s/v1/uploads', '0xab')).toBe(own);
  const others = [
    fingerprintOf({ ...file, size: 10 }, 'https://s/v1/uploads', '0xab'),
    fingerprintOf({ ...file, lastModified: 8 }, 'https://s/v1/uploads', '0xab'),
    fingerprintOf({ ...file, name: 'Other.mp4' }, 'https://s/v1/uploads', '0xab'),
    fingerprintOf(file, 'https://t/v1/uploads', '0xab'),
    fingerprintOf(file, 'https://s/v1/uploads', '0xac'),
  ];
  expect(new Set([own, ...others]).size).toBe(6);
});

test.each([0, 408, 409, 423, 429, 500, 502, 503])('%i is tried again', (status) => expect(mayRetry(status)).toBe(true));
test.each([400, 401, 403, 404, 410, 413, 415, 422, 507])('%i is not', (status) => expect(mayRetry(status)).toBe(false));

test('the item’s id is the end of the upload’s address', () => {
  expect(itemIdOf('https://s/v1/uploads/01H5')).toBe('01H5');
  expect(itemIdOf('https://s/base/v1/uploads/a%20b/?x=1')).toBe('a b');
});

test('the metadata are what was typed, without spaces around', () => {
  expect(metadataOf(file, ' A ', ' b ')).toEqual({ title: 'A', description: 'b', filename: 'My film.mp4', filetype: 'video/mp4' });
});

describe('an answer that ends an upload', () => {
  test.each([
    [507, '{"code":"quota_exceeded","detail":"2 GB are used"}', 'quota_exceeded', '2 GB are used'],
    [413, '<html>nginx</html>', 'http_413', 'larger than this streamer takes'],
    [400, '"text"', 'http_400', 'answered 400'],
    [0, '', 'unreachable', 'does not answer'],
    [409, '{"code":"upload_conflict","detail":"at 5"}', 'upload_conflict', 'Choose the file again'],
    [408, '{"code":"too_slow","detail":"9 bytes in 30 s"}', 'too_slow', 'What has arrived is kept'],
  ])('%i %s is a sentence', (status, body, code, words) => {
    const problem = problemOf(status, body);
    expect(problem.code).toBe(code);
    expect(problem.message).toContain(words);
  });
});

test('what cannot be a video is refused before it is sent', () => {
  expect(objectionToFile({ ...file, size: 0 })).toContain('empty');
  expect(objectionToFile({ ...file, type: 'image/png' })).toContain('not a video');
  expect(objectionToFile({ ...file, type: '' })).toBeNull();
  expect(objectionToFile(file)).toBeNull();
});

test.each([
  ['My_first film.mp4', 'My first film'],
  ['C:\\films\\a.b.mkv', 'a.b'],
  ['../../etc/passwd', 'passwd'],
  ['no ending', 'no ending'],
  ['bell\u0007 and\nline.mov', 'bell andline'],
])('“%s” becomes the title “%s”', (name, title) => expect(titleFrom(name)).toBe(title));

test('titles and descriptions are bounded in bytes', () => {
  expect(objectionToWords('ü'.repeat(128), '🎬'.repeat(1250))).toBeNull();
  expect(objectionToWords('ü'.repeat(129), '')).toContain('title is too long');
  expect(objectionToWords('', '🎬'.repeat(1251))).toContain('description is too long');
});
