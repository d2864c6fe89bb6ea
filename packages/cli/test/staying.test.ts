import { describe, expect, it } from 'vitest';
import { together } from '../src/staying.ts';

/** Runs until its signal and notes that it wound down. */
function part(name: string, ended: string[]) {
  return (signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      const end = () => {
        ended.push(name);
        resolve();
      };
      if (signal.aborted) end();
      else signal.addEventListener('abort', end, { once: true });
    });
}

describe('parts that stay together', () => {
  it('all wind down at the signal', async () => {
    const stop = new AbortController();
    const ended: string[] = [];
    const running = together(stop.signal, [part('heartbeat', ended), part('outbox', ended)]);
    stop.abort();
    await running;
    expect(ended).toEqual(['heartbeat', 'outbox']);
  });

  it('end with the first that fails, after the others have wound down', async () => {
    const ended: string[] = [];
    const failing = async () => {
      throw new Error('no identity');
    };
    await expect(together(new AbortController().signal, [part('outbox', ended), failing])).rejects.toThrow(
      'no identity',
    );
    expect(ended).toEqual(['outbox']);
  });
});
