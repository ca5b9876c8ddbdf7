import { useState } from 'react';
import type { Address } from 'viem';
import { Provider } from '../provider/client.ts';
import { useServices } from '../services.tsx';
import { ActionButton, Problem } from '../ui/action-button.tsx';
import { useContracts } from '../wallet/use-transaction.ts';
import { EarningsPreview } from './earnings-preview.tsx';
import { useStreamerUrl } from './streamer-url.tsx';
import { newTerms, readTermsText, TermsFields } from './terms-form.tsx';

/** Announcement to the streamer, its CID to the registry. */
export function RegisterStream({ account }: { account: Address }) {
  const contracts = useContracts();
  const { config } = useServices();
  const streamer = useStreamerUrl();
  const [title, setTitle] = useState('');
  const [description, setDescription] = useState('');
  const [terms, setTerms] = useState(newTerms);
  const [step, setStep] = useState<'idle' | 'announcing' | 'registering' | 'done'>('idle');
  const read = readTermsText(terms, account, config.tokens);

  const register = async (): Promise<void> => {
    if (typeof read === 'string') throw new Error(read);
    try {
      setStep('announcing');
      const announcement = {
        type: 'paystream/announcement',
        title: title.trim(),
        description: description.trim(),
        picture: null,
        starts_at: null,
      };
      const cid = await new Provider(streamer.url).announce(announcement);
      setStep('registering');
      await contracts.registry({ functionName: 'registerContent', args: [cid, title.trim(), `ipfs://${cid}`, read] });
      setStep('done');
      setTitle('');
      setDescription('');
    } catch (error) {
      setStep('idle');
      throw error;
    }
  };
  return (
    <section className="card stack" aria-label="Register a live stream">
      <h2>Register a live stream</h2>
      <label className="field">
        <span>Title</span>
        <input
          className="input"
          maxLength={120}
          value={title}
          onChange={(event) => setTitle(event.target.value)}
          data-testid="stream-title"
        />
      </label>
      <label className="field">
        <span>Description</span>
        <textarea
          className="input"
          maxLength={4000}
          value={description}
          onChange={(event) => setDescription(event.target.value)}
          data-testid="stream-description"
        />
      </label>
      <TermsFields value={terms} onChange={setTerms} />
      {streamer.field}
      {typeof read === 'string' ? <Problem>{read}</Problem> : <EarningsPreview terms={read} account={account} />}
      <ActionButton
        action={register}
        className="primary"
        busyLabel={step === 'announcing' ? 'Storing the announcement…' : 'Registering on Ethereum…'}
        disabled={title.trim() === '' || streamer.url === '' || typeof read === 'string'}
        testId="register-stream"
      >
        Register
      </ActionButton>
      {step === 'done' && (
        <p className="notice good" role="status" data-testid="registered">
          Registered. It is in your list now, and you can go live.
        </p>
      )}
    </section>
  );
}
