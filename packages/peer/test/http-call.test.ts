import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it } from 'vitest';
import { callHttp, KeptConnectionBroke, reasonOf } from '../src/http-call.ts';

const open: Server[] = [];

afterEach(async () => {
  await Promise.all(
    open.splice(0).map((server) => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    }),
  );
});

async function serve(handler: RequestListener): Promise<string> {
  const server = createServer(handler).listen(0, '127.0.0.1');
  open.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as { port: number }).port}/`;
}

const get = (url: string, timeoutMs = 10_000, signal?: AbortSignal) =>
  callHttp({ method: 'GET', url, timeoutMs, answerBytesMax: 1000, ...(signal && { signal }) });

describe('a call', () => {
  it('to a server that says nothing is given up, however much garbage is collected meanwhile', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const url = await serve(() => {});
    const outcome: { reason?: string } = {};
    const breakOff = new AbortController();
    void get(url, 200, breakOff.signal).catch((error: unknown) => {
      outcome.reason = reasonOf(error);
    });
    const deadline = Date.now() + 10_000;
    while (outcome.reason === undefined && Date.now() < deadline) {
      collectGarbage();
      await setImmediate();
    }
    expect(outcome.reason).toBe('timed out after 200 ms');
  });

  it('is given up in the middle of an answer, too', async () => {
    const url = await serve((_, response) => void response.writeHead(200).write('half'));
    expect(reasonOf(await get(url, 100).catch((error: unknown) => error))).toBe('timed out after 100 ms');
  });

  it('can be broken off, before it begins and while it waits, and the server notices', async () => {
    let closed = () => {};
    const noticed = new Promise<string>((resolve) => {
      closed = () => resolve('closed');
    });
    let arrived = () => {};
    const asked = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const url = await serve((request) => {
      request.socket.once('close', closed);
      arrived();
    });
    await expect(get(url, 10_000, AbortSignal.abort())).rejects.toThrow('broken off');
    const breakOff = new AbortController();
    const answer = get(url, 10_000, breakOff.signal);
    await asked;
    breakOff.abort();
    await expect(answer).rejects.toThrow('broken off');
    expect(await noticed).toBe('closed');
  });

  it('tells a kept connection that broke from one made for it, and can do without kept ones', async () => {
    let calls = 0;
    const url = await serve((request, response) => {
      if (++calls === 1) response.end('first');
      else if (calls === 4) response.end('fourth');
      else request.socket.resetAndDestroy();
    });
    await get(url);
    await expect(get(url)).rejects.toThrow(KeptConnectionBroke);
    await expect(get(url)).rejects.not.toThrow(KeptConnectionBroke);
    const { body } = await callHttp({
      method: 'GET',
      url,
      timeoutMs: 10_000,
      answerBytesMax: 1000,
      afresh: true,
    });
    expect(Buffer.from(body).toString()).toBe('fourth');
  });
});
