/** Whether a viewer has bought a view that is still open: looked at before anybody pays for another one. */
import type { View } from '../api/model.ts';

/** A view opens its content for so long from its block's time (docs/protocol.md, section 13). */
export const openForMs = 24 * 3_600_000;
/** One that ends within a minute is no reason not to buy the next. */
const marginMs = 60_000;

export function openView(views: readonly View[], viewer: string, provider: string, nowMs: number): View | null {
  return (
    views.find(
      (view) =>
        view.viewer.toLowerCase() === viewer.toLowerCase() &&
        view.provider.toLowerCase() === provider.toLowerCase() &&
        view.at.getTime() + openForMs - marginMs > nowMs,
    ) ?? null
  );
}
