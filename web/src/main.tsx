import { createRoot } from 'react-dom/client';
import './styles/tokens.css';
import './styles/base.css';
import './styles/catalogue.css';
import './styles/studio.css';
import './styles/watch.css';
import './styles/stored.css';
import { App } from './app.tsx';
import { loadConfig } from './config.ts';
import { ConfigProblem } from './pages/config-problem.tsx';

const element = document.getElementById('root');
if (element === null) throw new Error('index.html has no #root');
const root = createRoot(element);

async function start(): Promise<void> {
  const config = await loadConfig();
  if (import.meta.env.MODE === 'devnet') {
    const { announceDevWallets } = await import('./dev/wallet.ts');
    announceDevWallets(config);
  }
  root.render(<App config={config} />);
}

start().catch((error: unknown) => root.render(<ConfigProblem problem={error instanceof Error ? error.message : String(error)} />));
