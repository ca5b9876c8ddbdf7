/**
 * What a journey imports: Playwright's `test` with the running stack as the fixture `stack`.
 *
 *   import { expect, test } from '../stack/journey.ts';
 *   test('a viewer pays', async ({ page, stack }) => { await page.goto(stack.record.urls.web); … });
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test as base } from '@playwright/test';
import { Stack } from './stack.ts';
import { logTail } from './supervisor.ts';

export { expect } from '@playwright/test';

/** Names the data folder of the stack: set by the global setup, or by a person who runs journeys against a stack that is up. */
export const stackVariable = 'PAYSTREAM_STACK';

export const test = base.extend<{ stack: Stack }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the names of the fixtures from the pattern
  stack: async ({}, use, testInfo) => {
    const dataDir = process.env[stackVariable];
    if (dataDir === undefined) throw new Error(`${stackVariable} is not set: the global setup sets it`);
    const stack = Stack.attach(dataDir);
    await use(stack);
    if (testInfo.status === testInfo.expectedStatus) return;
    for (const file of readdirSync(stack.paths.logs).filter((name) => name.endsWith('.log'))) {
      await testInfo.attach(file, { body: logTail(join(stack.paths.logs, file), 200), contentType: 'text/plain' });
    }
  },
});
