import { useEffect, useRef, useState } from 'react';
import type { Address } from 'viem';
import { useConfig, useSignMessage } from 'wagmi';
import type { Content, Stream, View } from '../api/model.ts';
import { currencyOf, etherAddress, formatPrice } from '../currency.ts';
import { shorten } from '../money.ts';
import { Provider, ProviderError } from '../provider/client.ts';
import { RelayFailed } from '../provider/follow-relay.ts';
import { useServices } from '../services.tsx';
import { ActionButton, Problem } from '../ui/action-button.tsx';
import { claimPass } from '../views/claim-pass.ts';
import { openView } from '../views/open-view.ts';
import type { ViewPass } from '../views/pass.ts';
import { failedPayment, forgetPayment, keepPayment, noteFailure, pendingPayment } from '../views/pending.ts';
import { relayed } from '../views/relay.ts';
import { asking, fateOf, forgetSent, keepSent, type SentView, sentKey, sentView, type ViewPaid } from '../views/sent.ts';
import { useTokenPayment } from '../views/use-token-payment.ts';
import { sentence } from '../wallet/errors.ts';
import { TransactionFailed } from '../wallet/included.ts';
import { useContracts } from '../wallet/use-transaction.ts';

interface Props {
  readonly content: Content;
  readonly stream: Stream | null;
  /** A stored video is there whether somebody broadcasts or not. */
  readonly stored?: boolean;
  /** The pass that is held already; then there is nothing to buy. */
  readonly pass?: ViewPass | null;
  readonly onPass?: (pass: ViewPass) => void;
}

/** One view paid on Ethereum, split by the contract between creator and provider, and watched without a meter. */
export function BuyView(props: Props) {
  const { content, stream } = props;
  const contracts = useContracts();
  if (content.terms.pricePerView === 0n || !content.active || stream === null) return null;
  // Another account or provider is another purchase.
  const key = `${contracts.account}-${stream.provider}-${content.contentId}`;
  return <Purchase key={key} {...props} stream={stream} account={contracts.account} />;
}

function Purchase({ content, stream, account, stored, pass, onPass }: Props & { stream: Stream; account: Address | null }) {
  const { config } = useServices();
  const { terms } = content;
  const currency = currencyOf(config.tokens, terms.token);
  const price = formatPrice(terms.pricePerView, currency);
  const inEther = terms.token.toLowerCase() === etherAddress;
  return (
    <section className="card stack" aria-label="Pay on Ethereum">
      <div className="row spread">
        <h2>{inEther ? 'Or buy a view with ether' : 'Or buy a view with one signature'}</h2>
        <span className="mono" data-testid="view-price">
          {price}
        </span>
      </div>
      {pass !== undefined && pass !== null ? (
        <p className="notice good" role="status" data-testid="view-open">
          You have bought this view: it is open to you until {pass.expiresAt.toLocaleString()}.
        </p>
      ) : !currency.known ? (
        <p className="faint">Its creator takes a token that this page does not know ({shorten(terms.token)}), so it cannot be paid here.</p>
      ) : account === null ? (
        <p className="faint">Connect a wallet above to pay on Ethereum.</p>
      ) : (
        <Buy
          content={content}
          stream={stream}
          account={account}
          price={price}
          inEther={inEther}
          offAir={stream.liveness === 'offline' && stored !== true}
          {...(onPass === undefined ? {} : { onPass })}
        />
      )}
    </section>
  );
}

interface BuyProps {
  readonly content: Content;
  readonly stream: Stream;
  readonly account: Address;
  readonly price: string;
  readonly inEther: boolean;
  readonly offAir: boolean;
  readonly onPass?: (pass: ViewPass) => void;
}

type Phase = 'none' | 'looking' | 'signing' | 'sending' | 'bought' | 'claiming';

function Buy({ content, stream, account, price, inEther, offAir, onPass }: BuyProps) {
  const { config, indexer } = useServices();
  const contracts = useContracts();
  const wallets = useConfig();
  const payInToken = useTokenPayment();
  const { mutateAsync: signMessage } = useSignMessage();
  const { contentId, terms } = content;
  const provider = new Provider(stream.url);
  const [phase, setPhase] = useState<Phase>('none');
  const [transaction, setTransaction] = useState<string | null>(null);
  const purchase: ViewPaid = { chainId: config.chain.id, splitter: config.splitter, contentId, provider: stream.provider, account };
  const sentAt = sentKey(purchase);
  const [unfinished, setUnfinished] = useState(
    () => (inEther ? sentView(sentAt) : pendingPayment(stream.url, contentId, account)) !== null,
  );
  const [problem, setProblem] = useState<string | null>(null);
  const [found, setFound] = useState<View | null>(null);
  const signal = useUnmountSignal();
  const bought = phase === 'bought' || phase === 'claiming';
  const token = config.tokens.find((entry) => entry.address === terms.token.toLowerCase());

  const askForPass = async (known: boolean): Promise<void> => {
    const sign = (message: string) => signMessage({ account, message });
    onPass?.(await claimPass({ provider, contentId, account, chainId: config.chain.id, sign, bought: known, signal: signal() }));
  };
  const claim = async (known: boolean): Promise<void> => {
    const before = phase;
    setPhase('claiming');
    try {
      await askForPass(known);
      setPhase('bought');
    } catch (error) {
      setPhase(known ? 'bought' : before);
      if (!signal().aborted) throw error;
    }
  };
  /** The payment stands, whatever becomes of this: the button to sign in stays. */
  const open = async (): Promise<void> => {
    setPhase('bought');
    setProblem(null);
    if (onPass !== undefined) await claim(true).catch((error: unknown) => setProblem(sentence(error)));
  };
  /** Nobody pays again for what is theirs already. An indexer that does not answer keeps nobody from paying. */
  const hasBought = async (): Promise<boolean> => {
    const views = await indexer.views(contentId, account, signal()).catch(() => []);
    const view = openView(views, account, stream.provider, Date.now());
    if (view === null) return false;
    forgetPayment(stream.url, contentId, account);
    setUnfinished(false);
    setFound(view);
    await open();
    return true;
  };
  /** A provider may be wrong about what failed: whoever has a copy of a transaction can send it. */
  const opensAllTheSame = async (): Promise<boolean> => {
    if (onPass === undefined) return false;
    try {
      await askForPass(false);
    } catch (error) {
      if (error instanceof ProviderError && error.code === 'view_not_found') return false;
      throw error;
    }
    forgetPayment(stream.url, contentId, account);
    setPhase('bought');
    return true;
  };
  const buyInEther = async (): Promise<void> => {
    setPhase('looking');
    try {
      if ((await hasBought()) || signal().aborted) return;
      const sent = sentView(sentAt);
      if (sent !== null) {
        const fate = await fateOf(wallets, purchase, sent);
        if (signal().aborted) return;
        if (fate === 'paid') return await open();
        if (fate === 'unanswered' && !globalThis.confirm(askAgain(sent))) return;
        forgetSent(sentAt);
        setUnfinished(false);
        if (fate === 'failed') {
          throw new Error('The payment that was begun before did not go through, and nothing was paid. You can buy the view now.');
        }
      }
    } finally {
      setPhase((now) => (now === 'looking' ? 'none' : now));
    }
    let asked: SentView | null = null;
    try {
      await contracts.splitter({
        functionName: 'recordView',
        args: [contentId, stream.provider, account, terms.pricePerView],
        value: terms.pricePerView,
        from: account,
        onAsk: async () => {
          asked = await asking(wallets, purchase);
          keepSent(sentAt, asked);
        },
        onSent: (hash) => {
          if (asked !== null) keepSent(sentAt, { ...asked, hash });
          setUnfinished(true);
        },
      });
    } catch (error) {
      // Cancelled in the wallet, or come to nothing. After any other error it may have been sent.
      if (error instanceof TransactionFailed || sentence(error) === null) forgetSent(sentAt);
      setUnfinished(sentView(sentAt) !== null);
      throw error;
    }
    await open();
  };
  const buyInToken = async (): Promise<void> => {
    if (token === undefined) return;
    try {
      setPhase('looking');
      let payment = pendingPayment(stream.url, contentId, account);
      if (payment === null) {
        if ((await hasBought()) || signal().aborted) return;
        const failed = failedPayment(stream.url, contentId, account);
        if (failed !== null && (await opensAllTheSame())) return;
        if (signal().aborted) return;
        setPhase('signing');
        payment = await payInToken(content, stream, token, account, failed);
      }
      keepPayment(stream.url, contentId, account, payment);
      setUnfinished(true);
      setPhase('sending');
      await relayed(provider, payment, (relay) => setTransaction(relay.transaction), signal());
    } catch (error) {
      setPhase('none');
      if (error instanceof RelayFailed) {
        noteFailure(stream.url, contentId, account);
        setUnfinished(false);
        if (await hasBought()) return;
      }
      if (signal().aborted) return;
      throw error;
    }
    forgetPayment(stream.url, contentId, account);
    setUnfinished(false);
    await open();
  };

  return (
    <>
      {offAir && (
        <p className="notice warn" role="status" data-testid="view-off-air">
          <strong>Off air: nobody is broadcasting this now.</strong> A view is paid for at once, and there is no refund.
        </p>
      )}
      {!bought && (
        <>
          <p className="hint" data-testid="view-explained">
            {inEther
              ? `Your wallet asks you to send ${price} to the contract that divides it between creator and provider.`
              : `Your wallet asks you to sign that ${price} go to the contract that divides it between creator and provider, for this view and nothing else. The provider sends it and pays the network’s fee: you need no ether.`}
            {onPass !== undefined && ' A second signature proves that the view is yours, and opens it for 24 hours. It costs nothing.'}
          </p>
          {unfinished && phase === 'none' && (
            <p className="notice" role="status" data-testid="view-unfinished">
              {inEther
                ? sentView(sentAt)?.hash === null
                  ? 'Your wallet was asked for this payment, and its answer did not reach this page. Go on to see how it went; the wallet is not asked again without your word.'
                  : 'You have sent this payment already. Go on to see how it went, and to open the view; it is not paid again.'
                : 'You have signed this payment already. Go on to see how it went; it is paid once, however often it is sent.'}
            </p>
          )}
          {inEther ? (
            <ActionButton action={buyInEther} busyLabel="Paying…" className="wide" testId="buy-view">
              {unfinished ? 'Go on with the payment' : offAir ? 'Buy a view all the same' : 'Buy a view'}
            </ActionButton>
          ) : (
            <ActionButton action={buyInToken} busyLabel={busyWords(phase)} className="wide" testId="buy-view-token">
              {unfinished ? 'Go on with the payment' : offAir ? `Buy a view for ${price} all the same` : `Buy a view for ${price}`}
            </ActionButton>
          )}
        </>
      )}
      {phase === 'sending' && transaction !== null && (
        <p className="faint" role="status">
          On its way: transaction <span className="mono">{shorten(transaction, 10, 6)}</span>
        </p>
      )}
      {bought && (
        <p className="notice good" role="status" data-testid="view-bought">
          {found === null
            ? 'Paid. The creator and the provider can claim their shares.'
            : `You have bought this view already, at ${found.at.toLocaleString()}. Nothing is paid again.`}
        </p>
      )}
      {problem !== null && <Problem>{problem}</Problem>}
      {onPass !== undefined && phase !== 'looking' && phase !== 'signing' && phase !== 'sending' && (
        <ActionButton
          action={async () => {
            setProblem(null);
            await claim(bought);
          }}
          busyLabel="Waiting for your signature…"
          className={bought ? 'primary wide' : 'small'}
          testId="watch-pass"
          disabled={phase === 'claiming'}
        >
          {bought ? 'Sign in to watch' : 'Bought already? Sign in to watch'}
        </ActionButton>
      )}
    </>
  );
}

function askAgain({ at }: SentView): string {
  return `Your wallet was asked for this payment at ${new Date(at).toLocaleTimeString()}, and nothing of it is on chain. Look into your wallet: only if it is neither waiting there nor sent, ask the wallet again.`;
}

function busyWords(phase: Phase): string {
  switch (phase) {
    case 'looking':
      return 'Looking for a view of yours…';
    case 'none':
    case 'signing':
      return 'Waiting for your signature…';
    case 'sending':
      return 'The provider sends it…';
    case 'bought':
    case 'claiming':
      return 'Paid. Opening it…';
  }
}

/** Aborted when the view goes away, so that nothing is followed for nobody. */
function useUnmountSignal(): () => AbortSignal {
  const controller = useRef(new AbortController());
  useEffect(() => {
    if (controller.current.signal.aborted) controller.current = new AbortController();
    return () => controller.current.abort();
  }, []);
  return () => controller.current.signal;
}
