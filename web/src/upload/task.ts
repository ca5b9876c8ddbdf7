/**
 * The upload that this page is doing: tus, then the item until it is ready. It belongs to the page and not to a view, so that it goes on
 * while its person looks at something else.
 */
import { DetailedError, type PreviousUpload, Upload } from 'tus-js-client';
import { Provider, ProviderError } from '../provider/client.ts';
import { sentence } from '../wallet/errors.ts';
import { failureInWords, idle, next, type Stage, type UploadEvent } from './stages.ts';
import { chunkBytes, fingerprintOf, itemIdOf, mayRetry, metadataOf, problemOf, retryDelays } from './tus-options.ts';

const pollEveryMs = 500;

/** What is asked for a token when one is needed: a stored one, or a signature. */
export type Tokens = () => Promise<string>;

export interface Job {
  readonly file: File;
  readonly title: string;
  readonly description: string;
  readonly streamerUrl: string;
  readonly account: string;
  readonly tokens: Tokens;
  /** Called when the streamer no longer takes the token. */
  readonly forgetToken: () => void;
}

class Unauthorised extends Error {}

export class UploadTask {
  #stage: Stage = idle;
  #job: Job | null = null;
  #upload: Upload | null = null;
  #itemId: string | null = null;
  #watching: AbortController | null = null;
  readonly #listeners = new Set<() => void>();

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
  readonly stage = (): Stage => this.#stage;

  get job(): Job | null {
    return this.#job;
  }

  /** Uploads of this very file by this account that did not come to their end, newest first. */
  async unfinished(file: File, streamerUrl: string, account: string): Promise<readonly PreviousUpload[]> {
    const endpoint = `${streamerUrl}/v1/uploads`;
    const probe = new Upload(file, { endpoint, fingerprint: async () => fingerprintOf(file, endpoint, account) });
    const found = await probe.findPreviousUploads();
    return found.sort((a, b) => Date.parse(b.creationTime) - Date.parse(a.creationTime));
  }

  /** Sends the file, from where `previous` stopped if it is given. */
  async begin(job: Job, previous: PreviousUpload | null): Promise<void> {
    // Whoever does not sign in has their form as it was.
    await job.tokens();
    this.reset();
    this.#job = job;
    this.#on({ kind: 'started' });
    const upload = this.#tus(job);
    this.#upload = upload;
    if (previous !== null) upload.resumeFromPreviousUpload(previous);
    upload.start();
  }

  /** After an interruption. */
  async resume(): Promise<void> {
    if (this.#job === null || this.#upload === null || this.#stage.kind !== 'interrupted') return;
    await this.#job.tokens();
    this.#on({ kind: 'started' });
    this.#upload.start();
  }

  async cancel(): Promise<void> {
    const [job, upload, itemId] = [this.#job, this.#upload, this.#itemId];
    const sending = this.#stage.kind === 'starting' || this.#stage.kind === 'uploading' || this.#stage.kind === 'interrupted';
    this.#watching?.abort();
    await upload?.abort(sending);
    // What has been received is an item and no upload any more.
    if (!sending && job !== null && itemId !== null) await new Provider(job.streamerUrl).deleteItem(itemId, await job.tokens());
    this.#on({ kind: 'cancelled' });
  }

  reset(): void {
    this.#watching?.abort();
    void this.#upload?.abort(false);
    [this.#job, this.#upload, this.#itemId, this.#watching] = [null, null, null, null];
    this.#on({ kind: 'reset' });
  }

  #on(event: UploadEvent): void {
    const before = this.#stage;
    this.#stage = next(before, event);
    if (this.#stage !== before) for (const listener of this.#listeners) listener();
  }

  #tus(job: Job): Upload {
    const endpoint = `${job.streamerUrl}/v1/uploads`;
    const upload: Upload = new Upload(job.file, {
      endpoint,
      chunkSize: chunkBytes,
      retryDelays: [...retryDelays],
      removeFingerprintOnSuccess: true,
      fingerprint: async () => fingerprintOf(job.file, endpoint, job.account),
      metadata: metadataOf(job.file, job.title, job.description),
      onBeforeRequest: async (request) => request.setHeader('Authorization', `Bearer ${await tokenOf(job)}`),
      onAfterResponse: (_, response) => {
        // tus would take it for an upload that is gone, and begin another one.
        if (response.getStatus() === 401) throw new Unauthorised();
      },
      onShouldRetry: (error) => !(error.causingError instanceof Unauthorised) && mayRetry(error.originalResponse?.getStatus() ?? 0),
      onUploadUrlAvailable: () => {
        this.#itemId = itemIdOf(upload.url ?? '');
      },
      onProgress: (sent, total) => this.#on({ kind: 'progress', sent, total, at: Date.now() }),
      onError: (error) => this.#broken(job, error),
      onSuccess: () => {
        this.#on({ kind: 'received' });
        void this.#watch(job);
      },
    });
    return upload;
  }

  #broken(job: Job, error: Error | DetailedError): void {
    console.warn(error);
    if (isUnauthorised(error)) job.forgetToken();
    this.#on(breakage(error));
  }

  async #watch(job: Job): Promise<void> {
    const watching = new AbortController();
    this.#watching = watching;
    const provider = new Provider(job.streamerUrl);
    const itemId = this.#itemId;
    while (itemId !== null && !watching.signal.aborted && this.#stage.kind === 'processing') {
      try {
        this.#on({ kind: 'item', item: await provider.item(itemId, await job.tokens(), watching.signal) });
      } catch (error) {
        if (watching.signal.aborted) return;
        this.#troubled(job, error);
      }
      await new Promise((resolve) => setTimeout(resolve, pollEveryMs));
    }
  }

  #troubled(job: Job, error: unknown): void {
    if (error instanceof ProviderError && error.status === 401) job.forgetToken();
    this.#on(trouble(error));
  }
}

/** Whoever refuses to sign in again is asked once, and not with each retry. */
async function tokenOf(job: Job): Promise<string> {
  try {
    return await job.tokens();
  } catch (error) {
    throw sentence(error) === null ? new Unauthorised('the sign-in was cancelled', { cause: error }) : error;
  }
}

function isUnauthorised(error: Error | DetailedError): boolean {
  return error instanceof DetailedError && error.causingError instanceof Unauthorised;
}

/** tus has given up. */
function breakage(error: Error | DetailedError): UploadEvent {
  if (isUnauthorised(error)) {
    return { kind: 'interrupted', why: 'Your sign-in has ended. Go on to sign in again; nothing of the upload is lost.' };
  }
  if (!(error instanceof DetailedError)) return { kind: 'interrupted', why: error.message };
  const status = error.originalResponse?.getStatus() ?? 0;
  const problem = problemOf(status, error.originalResponse?.getBody() ?? '');
  if (mayRetry(status)) return { kind: 'interrupted', why: problem.message };
  const told = problem.code === 'quota_exceeded' || problem.code === 'too_large';
  return { kind: 'failed', why: told ? failureInWords(problem) : problem.message };
}

/** The item could not be asked for. */
function trouble(error: unknown): UploadEvent {
  if (!(error instanceof ProviderError)) {
    // The wallet was asked for another sign-in and refused, or the answer cannot be read.
    return { kind: 'failed', why: `${sentence(error) ?? 'You did not sign in again.'} The video is in your list when it is ready.` };
  }
  return error.status === 404 ? { kind: 'failed', why: 'The streamer no longer has this upload.' } : { kind: 'unreachable' };
}

/** One at a time: a second one would only share the line with the first. */
export const currentUpload = new UploadTask();
