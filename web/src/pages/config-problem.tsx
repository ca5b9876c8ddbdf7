import { Brand } from '../ui/brand.tsx';

const example = `{
  "chain": { "id": 11155111, "name": "Sepolia", "rpcUrl": "https://…" },
  "registry": "0x…", "splitter": "0x…",
  "indexerUrl": "https://…",
  "bitcoin": { "network": "testnet4", "esploraUrl": "https://…" }
}`;

/** In place of the page when its settings are missing or wrong. */
export function ConfigProblem({ problem }: { problem: string }) {
  return (
    <main className="page stack" data-testid="config-problem">
      <Brand />
      <h1>This copy of Paystream is not set up</h1>
      <p role="alert" className="notice bad">
        {problem}
      </p>
      <p className="quiet">
        Whoever hosts this page puts a file <code className="mono">config.json</code> beside its <code className="mono">index.html</code>:
      </p>
      <pre className="card mono" style={{ overflowX: 'auto' }}>
        {example}
      </pre>
    </main>
  );
}
