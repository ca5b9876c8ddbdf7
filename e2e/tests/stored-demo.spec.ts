import { expect, test } from '../stack/journey.ts';
import { Watching } from './watching.ts';

test('stored-demo: the video that ./scripts/dev keeps is found in the programme, checked, and paid by the second', async ({
  page,
  stack,
}) => {
  const { stored, urls } = stack.record;
  await page.goto(urls.web);
  const card = page
    .getByTestId('content-card')
    .filter({ hasText: stored.name })
    .filter({ has: page.getByTestId('content-duration') });
  await expect(card).toHaveCount(1);

  const watching = new Watching(page, stack);
  await watching.fund(stored.contentId, 5);
  await watching.reaches('stored-time', 3_000);
  await expect(watching.at('verified-badge')).toHaveAttribute('data-outcome', 'verified');
  const [paid, checked] = [await watching.value('paid-sat'), await watching.value('checked')];
  expect(paid).toBeGreaterThan(0);
  expect(paid).toBeLessThanOrEqual(Math.ceil((checked * 40) / 1_000));
  await watching.leave();
});
