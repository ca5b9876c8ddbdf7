import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { useState } from 'react';
import { WagmiProvider } from 'wagmi';
import { Link, Route, Router, Switch, useRoute } from 'wouter';
import { useHashLocation } from 'wouter/use-hash-location';
import { useKeeper } from './channels/use-keeper.ts';
import type { Config } from './config.ts';
import { CataloguePage } from './pages/catalogue.tsx';
import { ChannelsPage } from './pages/channels.tsx';
import { ContentPage } from './pages/content.tsx';
import { EarningsPage } from './pages/earnings.tsx';
import { StudioPage } from './pages/studio.tsx';
import { ServicesProvider } from './services.tsx';
import { Brand } from './ui/brand.tsx';
import { useLeaveWarning } from './upload/use-leave-warning.ts';
import { walletConfig } from './wallet/config.ts';
import { WalletMenu } from './wallet/menu.tsx';

export function App({ config }: { config: Config }) {
  const [wallets] = useState(() => walletConfig(config));
  const [queries] = useState(() => new QueryClient({ defaultOptions: { queries: { retry: 2, refetchOnWindowFocus: true } } }));
  return (
    <WagmiProvider config={wallets}>
      <QueryClientProvider client={queries}>
        <ServicesProvider config={config}>
          <Router hook={useHashLocation}>
            <Shell />
          </Router>
        </ServicesProvider>
      </QueryClientProvider>
    </WagmiProvider>
  );
}

function Shell() {
  useKeeper();
  useLeaveWarning();
  return (
    <div className="shell">
      <header className="masthead">
        <div className="masthead-row">
          <Link href="/" aria-label="Paystream, to the start" style={{ textDecoration: 'none' }}>
            <Brand />
          </Link>
          <nav className="nav" aria-label="Main">
            <NavLink href="/">Watch</NavLink>
            <NavLink href="/channels">Channels</NavLink>
            <NavLink href="/studio">Studio</NavLink>
            <NavLink href="/earnings">Earnings</NavLink>
          </nav>
          <div className="wallet">
            <WalletMenu />
          </div>
        </div>
      </header>
      <main className="page">
        <Switch>
          <Route path="/" component={CataloguePage} />
          <Route path="/content/:contentId">{({ contentId }) => <ContentPage key={contentId} contentId={contentId} />}</Route>
          <Route path="/watch/:contentId">{({ contentId }) => <ContentPage key={contentId} contentId={contentId} />}</Route>
          <Route path="/channels" component={ChannelsPage} />
          <Route path="/studio" component={StudioPage} />
          <Route path="/earnings" component={EarningsPage} />
          <Route>
            <div className="empty">
              <h1>There is nothing here</h1>
              <Link href="/" className="button">
                To the programme
              </Link>
            </div>
          </Route>
        </Switch>
      </main>
      <footer className="footer">
        <p>Video paid for by the second, straight to the people who make and carry it. Keys and channels stay in this browser.</p>
      </footer>
    </div>
  );
}

function NavLink({ href, children }: { href: string; children: string }) {
  const [exact] = useRoute(href);
  const [content] = useRoute('/content/:contentId');
  const current = exact || (href === '/' && content);
  return (
    <Link href={href} aria-current={current ? 'page' : undefined}>
      {children}
    </Link>
  );
}
