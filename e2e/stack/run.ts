/** One-shot commands: `initdb`, `paystream-deploy`, `vite build`. The services themselves are the supervisor's. */
import { type ChildProcess, spawn } from 'node:child_process';
import { root } from './tools.ts';

const running = new Set<ChildProcess>();

export interface RunOptions {
  readonly env?: Record<string, string>;
  readonly input?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly cwd?: string;
}

/** Runs a command to its end and returns its output; a failure carries the end of what it printed. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const { input, env, ...identity } = options;
    const child = spawn(command, args, { cwd: root, ...identity, env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    running.add(child);
    let output = '';
    child.stdout.on('data', (data: Buffer) => (output += data));
    child.stderr.on('data', (data: Buffer) => (output += data));
    child.stdin.on('error', () => {});
    child.stdin.end(input ?? '');
    child.once('error', (error) => {
      running.delete(child);
      reject(new Error(`${command}: ${error.message}`));
    });
    child.once('close', (code, signal) => {
      running.delete(child);
      if (code === 0) resolve(output);
      else
        reject(
          new Error(
            `${command} ${args[0] ?? ''} failed (${signal ?? `exit ${code}`}):\n${output.trimEnd().split('\n').slice(-25).join('\n')}`,
          ),
        );
    });
  });
}

/** Ends what is still running, when the stack is stopped in the middle of its start. */
export function stopRuns(): void {
  for (const child of running) child.kill('SIGTERM');
}
