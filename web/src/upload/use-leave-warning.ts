import { useEffect, useSyncExternalStore } from 'react';
import { currentUpload } from './task.ts';

const isSending = (): boolean => {
  const { kind } = currentUpload.stage();
  return kind === 'starting' || kind === 'uploading';
};

/** An upload goes on while its person looks at another view, and nowhere once the page is closed: the browser asks first. */
export function useLeaveWarning(): void {
  const sending = useSyncExternalStore(currentUpload.subscribe, isSending);
  useEffect(() => {
    if (!sending) return;
    const warn = (event: BeforeUnloadEvent): void => event.preventDefault();
    globalThis.addEventListener('beforeunload', warn);
    return () => globalThis.removeEventListener('beforeunload', warn);
  }, [sending]);
}
