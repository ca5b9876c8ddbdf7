import { type ReactNode, useState } from 'react';
import { sentence } from '../wallet/errors.ts';

/** A button for something that takes a while and may fail: busy while it runs, and the failure as a sentence below. */
export function ActionButton(props: {
  action: () => Promise<void>;
  children: ReactNode;
  busyLabel?: string;
  className?: string;
  disabled?: boolean;
  testId?: string;
}) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const run = async (): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      await props.action();
    } catch (error) {
      console.warn(error);
      setProblem(sentence(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className="stack-s">
      <button
        type="button"
        className={`button ${props.className ?? ''}`}
        aria-busy={busy}
        disabled={busy || props.disabled === true}
        onClick={() => void run()}
        data-testid={props.testId}
      >
        {busy ? (props.busyLabel ?? props.children) : props.children}
      </button>
      {problem !== null && <Problem>{problem}</Problem>}
    </div>
  );
}

export function Problem({ children }: { children: ReactNode }) {
  return (
    <p role="alert" className="notice bad" data-testid="problem">
      {children}
    </p>
  );
}
