import { useState } from 'react';

/** A value that people copy into another program. */
export function CopyLine({ value, label, testId }: { value: string; label: string; testId?: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(value);
      setCopied(true);
      setTimeout(() => setCopied(false), 2000);
    } catch {
      // Without permission to the clipboard the text can still be selected.
    }
  };
  return (
    <div className="copy">
      <span className="mono" data-testid={testId}>
        {value}
      </span>
      <button type="button" className="button small" onClick={() => void copy()} aria-label={`Copy ${label}`}>
        {copied ? 'Copied' : 'Copy'}
      </button>
    </div>
  );
}
