import { type DragEvent, useEffect, useId, useState, useSyncExternalStore } from 'react';
import type { PreviousUpload } from 'tus-js-client';
import type { Address } from 'viem';
import { shorten } from '../money.ts';
import { ActionButton, Problem } from '../ui/action-button.tsx';
import { formatBytes, type Stage, stageInWords } from '../upload/stages.ts';
import { currentUpload } from '../upload/task.ts';
import { objectionToFile, objectionToWords, titleFrom } from '../upload/tus-options.ts';
import { type UploadToken, useUploadToken } from '../upload/use-upload-token.ts';
import { RegisterItem } from './register-item.tsx';
import { useStreamerUrl } from './streamer-url.tsx';

const longestTitle = 120;
const longestDescription = 5_000;

/** A file to a streamer, then to the registry. */
export function UploadVideo({ account }: { account: Address }) {
  const streamer = useStreamerUrl();
  const stage = useSyncExternalStore(currentUpload.subscribe, currentUpload.stage);
  const running = currentUpload.job;
  const upload = useUploadToken(running?.streamerUrl ?? streamer.url, account);
  useDropGuard();
  return (
    <section className="card stack" aria-label="Upload a video" data-testid="upload">
      <h2>Upload a video</h2>
      {stage.kind === 'idle' || running === null ? (
        <Choose account={account} streamerUrl={streamer.url} streamerField={streamer.field} upload={upload} />
      ) : running.account !== account ? (
        <p className="notice" role="status">
          An upload of {shorten(running.account)} is under way. Switch to that account in your wallet to see it.
        </p>
      ) : (
        <>
          <Progress stage={stage} name={running.file.name} />
          {stage.kind === 'ready' && <RegisterItem item={stage.item} account={account} streamerUrl={running.streamerUrl} upload={upload} />}
        </>
      )}
    </section>
  );
}

function Choose(props: { account: Address; streamerUrl: string; streamerField: React.ReactNode; upload: UploadToken }) {
  const { account, streamerUrl, upload } = props;
  const [file, setFile] = useState<File | null>(null);
  const [title, setTitle] = useState('');
  const [description, setDescription] = useState('');
  const [problem, setProblem] = useState<string | null>(null);
  const [previous, setPrevious] = useState<PreviousUpload | null>(null);

  useEffect(() => {
    let stale = false;
    setPrevious(null);
    if (file !== null && streamerUrl !== '') {
      void currentUpload.unfinished(file, streamerUrl, account).then(([newest]) => {
        if (!stale) setPrevious(newest ?? null);
      });
    }
    return () => {
      stale = true;
    };
  }, [file, streamerUrl, account]);

  const tooLong = objectionToWords(title, description);
  const choose = (chosen: File): void => {
    const objection = objectionToFile(chosen);
    setProblem(objection);
    if (objection !== null) return;
    setFile(chosen);
    setTitle(titleFrom(chosen.name));
  };
  const start = async (from: PreviousUpload | null): Promise<void> => {
    if (file === null) return;
    const words = from === null ? { title, description } : { title: from.metadata.title ?? title, description: '' };
    const job = { file, ...words, streamerUrl, account, tokens: upload.signIn, forgetToken: upload.forget };
    await currentUpload.begin(job, from);
  };
  return (
    <>
      <Drop file={file} onFile={choose} />
      {problem !== null && <Problem>{problem}</Problem>}
      {file !== null && (
        <>
          {previous !== null && (
            <div className="notice stack-s" role="status" data-testid="upload-unfinished">
              <p>
                An upload of this file, begun on {new Date(previous.creationTime).toLocaleString()} as “{previous.metadata.title}”, has not
                come to its end.
              </p>
              <ActionButton action={() => start(previous)} className="primary small" busyLabel="Signing in…" testId="upload-continue">
                Go on where it stopped
              </ActionButton>
            </div>
          )}
          <label className="field">
            <span>Title</span>
            <input
              className="input"
              maxLength={longestTitle}
              value={title}
              onChange={(event) => setTitle(event.target.value)}
              data-testid="upload-title"
            />
          </label>
          <label className="field">
            <span>Description</span>
            <textarea
              className="input"
              maxLength={longestDescription}
              value={description}
              onChange={(event) => setDescription(event.target.value)}
              data-testid="upload-description"
            />
            <span className="hint">Title and description go to IPFS with the video, for everybody to read and for good.</span>
          </label>
          {tooLong !== null && <Problem>{tooLong}</Problem>}
          {props.streamerField}
          {upload.token === null && (
            <p className="hint">Your wallet asks for one signature first, to sign in to the streamer. It costs nothing.</p>
          )}
          <ActionButton
            action={() => start(null)}
            className={previous === null ? 'primary' : ''}
            busyLabel="Signing in…"
            disabled={title.trim() === '' || tooLong !== null || streamerUrl === ''}
            testId="upload-start"
          >
            {previous === null ? 'Upload' : 'Upload from the beginning'}
          </ActionButton>
        </>
      )}
    </>
  );
}

function Drop({ file, onFile }: { file: File | null; onFile: (file: File) => void }) {
  const id = useId();
  const [over, setOver] = useState(false);
  const drop = (event: DragEvent): void => {
    event.preventDefault();
    setOver(false);
    const [dropped] = event.dataTransfer.files;
    if (dropped !== undefined) onFile(dropped);
  };
  return (
    <label
      htmlFor={id}
      className={`drop ${over ? 'over' : ''}`}
      data-testid="upload-drop"
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <strong>{file === null ? 'Drop a video here, or choose a file' : file.name}</strong>
      <span className="hint">{file === null ? 'Any video that ffmpeg reads' : `${formatBytes(file.size)} · choose another`}</span>
      <input
        id={id}
        type="file"
        accept="video/*,.mkv,.ts,.mts"
        className="visually-hidden"
        data-testid="upload-file"
        onChange={(event) => {
          const [chosen] = event.target.files ?? [];
          if (chosen !== undefined) onFile(chosen);
          // The same file may be chosen again.
          event.target.value = '';
        }}
      />
    </label>
  );
}

function Progress({ stage, name }: { stage: Stage; name: string }) {
  const { title, detail, permille } = stageInWords(stage);
  const over = stage.kind === 'ready' || stage.kind === 'failed' || stage.kind === 'cancelled';
  const cancel = async (): Promise<void> => currentUpload.cancel();
  return (
    <div className="stack-s" data-testid="upload-state" data-kind={stage.kind}>
      <div className="row spread">
        <strong style={{ overflowWrap: 'anywhere' }}>{name}</strong>
        <span className={`badge ${stage.kind === 'ready' ? 'good' : ''}`} role="status" data-testid="upload-stage">
          {title}
        </span>
      </div>
      {!over && (
        <progress
          className="progress"
          max={1000}
          {...(permille === null ? {} : { value: permille })}
          aria-label={title}
          data-testid="upload-progress"
          data-value={permille ?? 0}
        />
      )}
      {stage.kind === 'failed' ? <Problem>{detail}</Problem> : detail !== null && <p className="faint">{detail}</p>}
      <div className="row">
        {stage.kind === 'interrupted' && (
          <ActionButton action={() => currentUpload.resume()} className="small primary" busyLabel="Going on…" testId="upload-resume">
            Go on
          </ActionButton>
        )}
        {(over || stage.kind === 'processing') && (
          <button type="button" className="button small" onClick={() => currentUpload.reset()} data-testid="upload-another">
            Upload another video
          </button>
        )}
        {!over && (
          <ActionButton action={cancel} className="small" busyLabel="Cancelling…" testId="upload-cancel">
            Cancel
          </ActionButton>
        )}
      </div>
    </div>
  );
}

/** A file that misses its place would be opened by the browser in the place of this page. */
function useDropGuard(): void {
  useEffect(() => {
    const refuse = (event: globalThis.DragEvent): void => {
      if (event.dataTransfer?.types.includes('Files')) event.preventDefault();
    };
    globalThis.addEventListener('dragover', refuse);
    globalThis.addEventListener('drop', refuse);
    return () => {
      globalThis.removeEventListener('dragover', refuse);
      globalThis.removeEventListener('drop', refuse);
    };
  }, []);
}
