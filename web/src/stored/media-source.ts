/** What the browser's Media Source Extensions are called here, and whether they play this video. */
export interface MediaSourceClass {
  new (): MediaSource;
  isTypeSupported(type: string): boolean;
}

/** iOS has a `ManagedMediaSource` in the place of the ordinary one: the browser says when it wants data. */
export function mediaSourceClass(scope: object = globalThis): { readonly type: MediaSourceClass; readonly managed: boolean } | null {
  const { MediaSource: ordinary, ManagedMediaSource: managed } = scope as {
    MediaSource?: MediaSourceClass;
    ManagedMediaSource?: MediaSourceClass;
  };
  if (ordinary !== undefined) return { type: ordinary, managed: false };
  return managed === undefined ? null : { type: managed, managed: true };
}

/** Null when the browser plays it; else a sentence. */
export function objectionToType(mimeType: string, scope: object = globalThis): string | null {
  const found = mediaSourceClass(scope);
  if (found === null) return 'This browser cannot play video from a page (it has no Media Source Extensions). A newer one can.';
  if (!/^(video|audio)\/mp4\s*;\s*codecs=/.test(mimeType))
    return `The provider calls this video “${mimeType}”, which is none that this page plays.`;
  if (found.type.isTypeSupported(mimeType)) return null;
  const codecs = /codecs="?([^"]*)"?/.exec(mimeType)?.[1] ?? mimeType;
  return `This browser cannot play this video’s format (${codecs}). Another browser may; nothing is paid for trying.`;
}
