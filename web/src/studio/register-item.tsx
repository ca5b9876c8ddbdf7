import { useState } from 'react';
import type { Address, Hex } from 'viem';
import { useConfig } from 'wagmi';
import { readContract } from 'wagmi/actions';
import { Link } from 'wouter';
import { streamRegistryAbi } from '../contracts/abi.ts';
import { contentIdOf } from '../contracts/content-id.ts';
import { withAllErrors } from '../contracts/errors.ts';
import { Provider } from '../provider/client.ts';
import { followed } from '../provider/follow-relay.ts';
import type { Item } from '../provider/items.ts';
import { useServices } from '../services.tsx';
import { ActionButton, Problem } from '../ui/action-button.tsx';
import type { UploadToken } from '../upload/use-upload-token.ts';
import { useContracts } from '../wallet/use-transaction.ts';
import { EarningsPreview } from './earnings-preview.tsx';
import { newTerms, readTermsText, TermsFields } from './terms-form.tsx';

/** A block may take its time; after that the announcement is asked for again. */
const announceWithinMs = 180_000;

type Step = 'none' | 'registered' | 'announced';

/** A ready item to the registry, then the streamer's own stream of it. What is done is not done again. */
export function RegisterItem(props: { item: Item; account: Address; streamerUrl: string; upload: UploadToken; registered?: boolean }) {
  const { item, account, streamerUrl, upload } = props;
  const { config } = useServices();
  const contracts = useContracts();
  const wallets = useConfig();
  const [terms, setTerms] = useState(newTerms);
  const [step, setStep] = useState<Step>(props.registered === true ? 'registered' : 'none');
  const [busy, setBusy] = useState('Registering on Ethereum…');
  const read = readTermsText(terms, account, config.tokens);
  const { cid } = item;
  if (cid === null) return null;
  const contentId = contentIdOf(account, cid);

  const isRegistered = async (): Promise<boolean> => {
    try {
      const answer = await readContract(wallets, {
        address: config.registry,
        abi: withAllErrors(streamRegistryAbi) as typeof streamRegistryAbi,
        functionName: 'termsOf',
        args: [contentId],
        chainId: config.chain.id,
      });
      return answer[1];
    } catch (error) {
      // Any other trouble shows itself when the registration is simulated.
      console.debug('not registered yet', error);
      return false;
    }
  };
  const register = async (): Promise<void> => {
    if (typeof read === 'string') throw new Error(read);
    setBusy('Registering on Ethereum…');
    // A page that was closed between the two steps finds the first one done.
    if (!(await isRegistered())) {
      const metadata = item.metadataCid === null ? '' : `ipfs://${item.metadataCid}`;
      await contracts.registry({ functionName: 'registerContent', args: [cid, item.title, metadata, read] });
    }
    setStep('registered');
    await announce();
  };
  const announce = async (): Promise<void> => {
    setBusy('The streamer announces itself…');
    const provider = new Provider(streamerUrl);
    const relay = await upload.withToken((token) => provider.registerStream(contentId, token));
    if (relay !== null) await followed(provider, relay, () => undefined, AbortSignal.timeout(announceWithinMs));
    setStep('announced');
  };

  if (step === 'announced') return <Done contentId={contentId} />;
  return (
    <div className="stack" data-testid="register-item">
      {step === 'none' ? (
        <>
          <TermsFields value={terms} onChange={setTerms} />
          {typeof read === 'string' ? <Problem>{read}</Problem> : <EarningsPreview terms={read} account={account} />}
          <p className="hint">Your wallet asks you to confirm one transaction. Then the streamer announces that it serves the video.</p>
        </>
      ) : (
        <p className="notice" role="status">
          Registered on Ethereum. What is left: the streamer announces that it serves it.
        </p>
      )}
      <ActionButton
        action={step === 'none' ? register : announce}
        className="primary"
        busyLabel={busy}
        disabled={typeof read === 'string'}
        testId={step === 'none' ? 'upload-register' : 'upload-announce'}
      >
        {step === 'none' ? 'Register' : 'Ask the streamer to announce it'}
      </ActionButton>
    </div>
  );
}

function Done({ contentId }: { contentId: Hex }) {
  return (
    <p className="notice good" role="status" data-testid="upload-registered" data-content={contentId}>
      Registered, and the streamer serves it. <Link href={`/content/${contentId}`}>See it as your viewers do</Link>
    </p>
  );
}
