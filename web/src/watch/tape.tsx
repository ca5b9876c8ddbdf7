import { useEffect, useRef, useState } from 'react';

const cells = 60;

/** The last minute, a cell for each second: full when it was paid for. */
export function Tape({ receipts }: { receipts: number }) {
  const newest = useRef(receipts);
  newest.current = receipts;
  const [tape, setTape] = useState<readonly { key: number; paid: boolean }[]>(() =>
    Array.from({ length: cells }, (_, key) => ({ key, paid: false })),
  );
  useEffect(() => {
    let seen = newest.current;
    const timer = setInterval(() => {
      const paid = newest.current > seen;
      seen = newest.current;
      setTape((now) => [...now.slice(1), { key: (now.at(-1)?.key ?? 0) + 1, paid }]);
    }, 1000);
    return () => clearInterval(timer);
  }, []);
  return (
    <div className="tape" aria-hidden="true">
      {tape.map(({ key, paid }) => (
        <i key={key} className={paid ? 'paid' : ''} />
      ))}
    </div>
  );
}
