import { request } from 'node:http';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { serveHttp } from '../src/http-server.ts';

describe('the HTTP server', () => {
  it('takes any free port, and finishes what it was asked before it closes', async () => {
    let arrived = () => {};
    const asked = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const server = await serveHttp('127.0.0.1', 0, async () => {
      arrived();
      await held;
      return new Response('done');
    });
    const answer = fetch(`http://127.0.0.1:${server.port}/`);
    await asked;
    const closed = server.close();
    release();
    expect(await (await answer).text()).toBe('done');
    await closed;
    await expect(fetch(`http://127.0.0.1:${server.port}/`)).rejects.toThrow('fetch failed');
  });

  it('tells whoever answers that the client has hung up, its body still unread', async () => {
    for (const body of [undefined, 'x'.repeat(100)]) {
      let arrived = () => {};
      const asked = new Promise<void>((resolve) => {
        arrived = resolve;
      });
      let gone = () => {};
      const hungUp = new Promise<string>((resolve) => {
        gone = () => resolve('hung up');
      });
      const server = await serveHttp('127.0.0.1', 0, async ({ signal }) => {
        signal.addEventListener('abort', gone);
        arrived();
        await hungUp;
        return new Response();
      });
      const client = request({ port: server.port, host: '127.0.0.1', method: body ? 'POST' : 'GET' });
      client.on('error', () => {}).end(body);
      await asked;
      client.destroy();
      expect(await hungUp).toBe('hung up');
      await server.close();
    }
  });

  it('names a port that is taken, and what to do', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const address = other.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    await expect(serveHttp('127.0.0.1', port, async () => new Response())).rejects.toMatchObject({
      code: 'server/address-in-use',
      message: expect.stringContaining(String(port)),
      hint: expect.stringContaining('PORT='),
    });
    other.close();
  });
});
