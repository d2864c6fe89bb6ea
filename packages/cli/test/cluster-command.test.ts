import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { clusterKeyPair } from '@cloud-steg/envelope';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Sink } from '../src/shell.ts';
import { A, B, C, election, lost, member, says } from './cluster-answers.ts';
import { memorySink, run } from './shell.ts';

const KEY = clusterKeyPair(new Uint8Array(32).fill(1)).publicKey;
const STRANGE_KEY = clusterKeyPair(new Uint8Array(32).fill(2)).publicKey;
const open: Server[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map(close));
});

function close(server: Server): Promise<unknown> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
}

/** A server whose `/status` is what `words` are at the moment; silent without. */
class StatusServer {
  words: Parameters<typeof says> | undefined;
  readonly url: string;

  private constructor(url: string) {
    this.url = url;
  }

  static async saying(...words: Parameters<typeof says>): Promise<StatusServer> {
    const server = createServer((_, response) => {
      const { words } = answering;
      const answer = words && says(words[0], words[1], { cluster_key: KEY, ...words[2] });
      if (answer?.kind !== 'answered') response.destroy();
      else response.writeHead(200).end(JSON.stringify(answer.status));
    }).listen(0, '127.0.0.1');
    open.push(server);
    await once(server, 'listening');
    const answering = new StatusServer(`http://127.0.0.1:${(server.address() as { port: number }).port}`);
    answering.words = words;
    return answering;
  }
}

const serverFlag = (...servers: StatusServer[]) => ['--server', servers.map(({ url }) => url).join(',')];

describe('cluster status', () => {
  it('asks every server, not the first that answers', async () => {
    const others = [lost(B), member(C)];
    const leader = await StatusServer.saying(A, A, {
      others,
      elections: [election(4, A, { cause: 'ended' })],
    });
    const follower = await StatusServer.saying(B, null, { elections: [election(2, C)] });
    const { exit, stdout, stderr } = await run(['cluster', 'status', ...serverFlag(follower, leader)]);
    expect(exit).toBe(0);
    expect(stderr).toBe('');
    expect(stdout).toContain(`Leader  ${A} at`);
    expect(stdout).toContain('Quorum  2 of 3 nodes in touch with the leader, 2 needed: no more may fail');
    expect(stdout).toContain(`! The servers don’t agree on who leads: ${B} knows of none (term 4)`);
    expect(stdout).toContain(`! ${B} answers here, but ${A} last heard it 12 s ago`);
    expect(stdout).toMatch(
      / 4 {2}10\.0\.0\.1:5001 .*the leader’s process ended\n.*term 3.*\n *2 {2}10\.0\.0\.3/,
    );
  });

  it('exits 3 without a leader, with the same page', async () => {
    const one = await StatusServer.saying(A, null);
    const { exit, stdout } = await run(['cluster', 'status', ...serverFlag(one)]);
    expect(exit).toBe(3);
    expect(stdout).toContain('Leader  none (term 4): too few nodes answer here to elect one');
  });

  it('exits 3 when the leader that others name does not answer', async () => {
    const [leader, follower] = [await StatusServer.saying(A, A), await StatusServer.saying(B, A)];
    leader.words = undefined;
    const others = [member(A, { role: 'leader', url: leader.url }), member(C)];
    follower.words = [B, A, { others }];
    const { exit, stdout } = await run(['cluster', 'status', ...serverFlag(leader, follower), '--json']);
    expect(exit).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ status: 'leader_not_answering', leader: A });
  });

  it('has it all in JSON', async () => {
    const server = await StatusServer.saying(A, A, {
      others: [member(B), lost(C)],
      elections: [election(4, A)],
    });
    const { exit, stdout } = await run(['cluster', 'status', ...serverFlag(server), '--json']);
    expect(exit).toBe(0);
    const status = JSON.parse(stdout);
    expect(status).toMatchObject({
      status: 'ok',
      leader: A,
      term: 4,
      quorum: { nodes: 3, needed: 2, inTouch: 2, mayFail: 0 },
      servers: [{ url: server.url, state: 'answers', node: A, isLeader: true, version: '1.2.3' }],
      nodes: [
        { id: A, role: 'leader', term: 4, cpuPercent: 20, lagMs: null, http: 'answers', toldBy: A },
        { id: B, role: 'follower', lagMs: 1.5, http: 'not-asked', toldBy: A },
        { id: C, role: 'unknown', term: null, cpuPercent: null, lagMs: null, toldBy: null },
      ],
      elections: [{ term: 4, leader: A, cause: 'silence' }],
      unknownTerms: [{ from: 1, to: 3 }],
      findings: [],
      clusterKey: KEY,
      version: '1.2.3',
    });
    expect(status.nodes[2].lastSeenMs).toBeGreaterThanOrEqual(12_000);
    expect(status.elections[0].at).toBeLessThanOrEqual(status.at - 60_000);
  });

  it('goes by most where servers are of two clusters, and flags the other', async () => {
    const servers = [
      await StatusServer.saying(C, C, { cluster_key: STRANGE_KEY }),
      await StatusServer.saying(A, A),
      await StatusServer.saying(B, A),
    ] as const;
    const { stdout } = await run(['cluster', 'status', ...serverFlag(...servers)]);
    expect(stdout).toContain(`Leader  ${A}`);
    expect(stdout).toContain(
      `! ${servers[0].url} belongs to another cluster (key ${STRANGE_KEY.slice(0, 8)}…)`,
    );
  });

  it('fits a terminal, and colours it only if wanted', async () => {
    const server = await StatusServer.saying(A, A, { others: [member(B), lost(C)] });
    const colored = terminal({ columns: 60, rows: 24 });
    await run(['cluster', 'status', ...serverFlag(server)], { stdout: colored });
    expect(colored.text).toContain('\u001b[90munknown\u001b[0m');
    expect(colored.text).not.toContain('ADDRESS');
    for (const [flags, env] of [
      [['--no-color'], {}],
      [[], { NO_COLOR: '1' }],
    ] as const) {
      const plain = terminal({ columns: 200, rows: 24 });
      await run(['cluster', 'status', ...serverFlag(server), ...flags], { stdout: plain, env });
      expect(plain.text).toContain('ADDRESS');
      expect(plain.text).not.toContain('\u001b');
    }
  });
});

describe('cluster watch', () => {
  it('into a pipe tells the state, then every change, until Ctrl-C ends it well', async () => {
    const server = await StatusServer.saying(A, A, { elections: [election(4, A)] });
    const out = watching([...serverFlag(server)]);
    await out.says(/leader: 10\.0\.0\.1:5001 at .*, term 4; 3 of 3 nodes in touch/);
    server.words = [A, B, { term: 5, elections: [election(4, A), election(5, B, { cause: 'idler' })] }];
    await out.says(/leader: 10\.0\.0\.2:5001, term 5: 10\.0\.0\.1:5001 handed over to an idler node/);
    server.words = undefined;
    await out.says(/no server answers/);
    expect(await out.interrupt()).toBe(0);
    for (const line of out.lines) expect(line).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}\S/);
    expect(out.lines).toHaveLength(3);
  });

  it('with --json is one object a line', async () => {
    const server = await StatusServer.saying(A, A);
    const out = watching([...serverFlag(server), '--json']);
    await out.says(/"event":"watching"/);
    server.words = undefined;
    await out.says(/"event":"unreachable"/);
    expect(await out.interrupt()).toBe(0);
    const [first, second, ...more] = out.lines.map((line) => JSON.parse(line));
    expect(first).toMatchObject({ event: 'watching', status: 'ok', leader: A, nodes: [{ id: A }, {}, {}] });
    expect(second).toEqual({ event: 'unreachable', at: expect.any(Number) });
    expect(more).toEqual([]);
  });

  it('on a terminal draws over itself, and leaves the last picture and the cursor', async () => {
    const server = await StatusServer.saying(A, A);
    const screen = terminal({ columns: 70, rows: 24 });
    const out = watching([...serverFlag(server), '--no-color'], screen);
    await out.says(/every 1 s; Ctrl-C ends[^]*Leader {2}10\.0\.0\.1:5001/);
    server.words = undefined;
    await out.says(/\[\d+A[^]*unknown: no server (answers|has answered)/);
    expect(await out.interrupt()).toBe(0);
    expect(screen.text.endsWith('\r\u001b[J')).toBe(true);
    expect(screen.text.lastIndexOf('\u001b[?25h')).toBeGreaterThan(screen.text.lastIndexOf('\u001b[?25l'));
    expect(screen.text).not.toContain('\u001b[1m');
  });

  it('ends when nobody reads it any more', async () => {
    const server = await StatusServer.saying(A, A);
    let hangUp = (): void => {};
    const pipe = memorySink();
    const out = watching([...serverFlag(server)], {
      isTty: false,
      write: (text) => pipe.write(text),
      onClosed: (listener) => {
        hangUp = listener;
      },
      get text() {
        return pipe.text;
      },
    });
    await out.says(/leader: /);
    hangUp();
    expect(await out.exit).toBe(0);
  });

  it.each(['0', 'soon', '1.5'])('refuses --interval %s', async (interval) => {
    const { exit, stderr } = await run(['cluster', 'watch', '--interval', interval]);
    expect(exit).toBe(2);
    expect(stderr).toContain('expected a whole number from 1 to 3600');
  });
});

type TextSink = Sink & { readonly text: string };

function terminal(size: { columns: number; rows: number }): TextSink {
  const sink = memorySink(true);
  return {
    isTty: true,
    write: (text) => sink.write(text),
    size: () => size,
    get text() {
      return sink.text;
    },
  };
}

/** A watch under way. */
function watching(flags: readonly string[], stdout: TextSink = memorySink()) {
  let interrupt = (): void => {};
  const onInterrupt = (listener: () => void) => {
    interrupt = listener;
  };
  const exit = run(['cluster', 'watch', ...flags], { stdout, onInterrupt }).then((ran) => ran.exit);
  return {
    exit,
    says: (pattern: RegExp) =>
      vi.waitFor(() => expect(stdout.text).toMatch(pattern), { timeout: 10_000, interval: 20 }),
    interrupt() {
      interrupt();
      return exit;
    },
    get lines() {
      return stdout.text.trimEnd().split('\n');
    },
  };
}
