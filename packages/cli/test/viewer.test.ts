import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { AppError } from '@cloud-steg/protocol';
import { describe, expect, it } from 'vitest';
import { showOnPage } from '../src/viewer/picture-page.ts';
import { findScreen, type ScreenFacts } from '../src/viewer/screen.ts';
import { terminalPicture } from '../src/viewer/terminal-picture.ts';
import { makeDisplay, type Surroundings, type ViewerOptions } from '../src/viewer/viewer.ts';
import { temporaryFolder } from './shell.ts';

const bare: ScreenFacts = { env: {}, platform: 'linux', stdoutIsTty: true, isExecutable: () => false };

describe('where a picture can be shown', () => {
  it.each([
    ['kitty', { TERM: 'xterm-kitty' }, 'kitty'],
    ['Ghostty', { TERM_PROGRAM: 'ghostty' }, 'kitty'],
    ['WezTerm', { TERM_PROGRAM: 'WezTerm' }, 'kitty'],
    ['iTerm2', { TERM_PROGRAM: 'iTerm.app', TERM: 'xterm-256color' }, 'iterm2'],
  ])('is the terminal, in %s', (_, env, protocol) => {
    expect(findScreen({ ...bare, env })).toEqual({ kind: 'terminal', protocol });
  });

  it('is not the terminal when stdout goes elsewhere, or through tmux or screen', () => {
    expect(findScreen({ ...bare, env: { TERM: 'xterm-kitty' }, stdoutIsTty: false })).toBeUndefined();
    expect(
      findScreen({ ...bare, env: { TERM_PROGRAM: 'iTerm.app', TMUX: '/tmp/tmux,1,0' } }),
    ).toBeUndefined();
    expect(
      findScreen({ ...bare, env: { TERM_PROGRAM: 'iTerm.app', TERM: 'screen-256color' } }),
    ).toBeUndefined();
  });

  it('is the desktop on Linux only with a display and xdg-open', () => {
    const env = { PATH: '/opt/bin:/usr/bin', DISPLAY: ':0' };
    const isExecutable = (path: string) => path === '/usr/bin/xdg-open';
    expect(findScreen({ ...bare, env, isExecutable })).toEqual({
      kind: 'browser',
      opener: ['/usr/bin/xdg-open'],
    });
    const wayland = { PATH: '/usr/bin', WAYLAND_DISPLAY: 'wayland-0' };
    expect(findScreen({ ...bare, env: wayland, isExecutable })?.kind).toBe('browser');
    expect(findScreen({ ...bare, env })).toBeUndefined();
    expect(findScreen({ ...bare, env: { PATH: '/usr/bin' }, isExecutable })).toBeUndefined();
  });

  it('is the desktop on macOS, unless reached from elsewhere', () => {
    expect(findScreen({ ...bare, platform: 'darwin' })).toEqual({ kind: 'browser', opener: ['open'] });
    expect(findScreen({ ...bare, platform: 'darwin', env: { SSH_CONNECTION: 'x' } })).toBeUndefined();
  });
});

/** The machine as it is, without a screen, and with what was drawn and opened written down. */
function surroundings(facts: Partial<Surroundings> = {}) {
  const drawn: string[] = [];
  const opened: string[] = [];
  const around: Surroundings = {
    ...bare,
    fileKind: (path) => (existsSync(path) ? 'file' : 'absent'),
    canWriteIn: existsSync,
    write: async (path, bytes) => writeFileSync(path, bytes),
    toPng: async (bytes) => Uint8Array.of(0x89, ...bytes),
    drawInTerminal: (text) => drawn.push(text),
    open: (_, url) => opened.push(url),
    note: () => {},
    token: () => 'token',
    signal: new AbortController().signal,
    ...facts,
  };
  return { around, drawn, opened };
}

function refusalOf(around: Surroundings, options: ViewerOptions, allowSave = true): string | undefined {
  try {
    makeDisplay(around, options).check({ allowSave, imageName: 'sunset.jpg' });
    return undefined;
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
}

const sunset = { name: 'sunset.jpg', mediaType: 'image/jpeg', bytes: Uint8Array.of(1, 2, 3) };

describe('before a view is spent', () => {
  it('a machine without any screen is refused', () => {
    expect(refusalOf(surroundings().around, { overwrite: false })).toBe('viewer/no-display');
  });

  it('saving is refused where the owner said so, even over an existing file', () => {
    const saveTo = join(temporaryFolder(), 'out.jpg');
    expect(refusalOf(surroundings().around, { saveTo, overwrite: true }, false)).toBe(
      'viewer/saving-not-allowed',
    );
    expect(refusalOf(surroundings().around, { saveTo, overwrite: true }, true)).toBeUndefined();
  });

  it('an existing file is refused, unless overwriting was asked for', () => {
    const saveTo = join(temporaryFolder(), 'out.jpg');
    writeFileSync(saveTo, 'mine');
    expect(refusalOf(surroundings().around, { saveTo, overwrite: false })).toBe('usage/bad-argument');
    expect(refusalOf(surroundings().around, { saveTo, overwrite: true })).toBeUndefined();
    expect(readFileSync(saveTo, 'utf8')).toBe('mine');
  });

  it('a folder, and a folder that cannot be written in, are refused', () => {
    const saveTo = join(temporaryFolder(), 'missing', 'out.jpg');
    expect(refusalOf(surroundings().around, { saveTo, overwrite: true })).toBe('usage/bad-argument');
    const { around } = surroundings({ fileKind: () => 'folder' });
    expect(refusalOf(around, { saveTo: temporaryFolder(), overwrite: true })).toBe('usage/bad-argument');
  });

  it('a Ctrl-C that came earlier ends it', () => {
    const { around } = surroundings({ signal: AbortSignal.abort() });
    expect(refusalOf(around, { overwrite: false })).toBe('program/cancelled');
    expect(refusalOf(around, { saveTo: 'x.jpg', overwrite: false })).toBe('program/cancelled');
  });
});

describe('showing', () => {
  it('saves the bytes as they are', async () => {
    const saveTo = join(temporaryFolder(), 'out.jpg');
    await makeDisplay(surroundings().around, { saveTo, overwrite: false }).show(sunset);
    expect([...readFileSync(saveTo)]).toEqual([1, 2, 3]);
  });

  it('draws PNG in a terminal that can', async () => {
    const { around, drawn } = surroundings({ env: { TERM: 'xterm-kitty' } });
    await makeDisplay(around, { overwrite: false }).show(sunset);
    expect(drawn).toEqual([terminalPicture('kitty', Uint8Array.of(0x89, 1, 2, 3))]);
  });

  it.each([
    ['image/jpeg', 'image/jpeg', [1, 2, 3]],
    ['image/tiff', 'image/png', [0x89, 1, 2, 3]],
    ['text/html', 'image/png', [0x89, 1, 2, 3]],
  ])('hands %s to a browser as %s', async (mediaType, shownAs, bytes) => {
    const answers: Promise<Fetched[]>[] = [];
    const { around } = surroundings({
      platform: 'darwin',
      stdoutIsTty: false,
      open: (_, url) => answers.push(fetchAll([url, `${url}/picture`])),
    });
    await makeDisplay(around, { overwrite: false }).show({ ...sunset, mediaType });
    const [, picture] = (await answers[0]) ?? [];
    expect(picture).toMatchObject({ status: 200, type: shownAs });
    expect([...(picture?.body ?? [])]).toEqual(bytes);
  });
});

describe('a terminal picture', () => {
  it('arrives whole by the kitty protocol, in pieces of at most 4096 characters', () => {
    const png = Uint8Array.from({ length: 10_000 }, (_, i) => i % 251);
    const text = terminalPicture('kitty', png);
    const [start, end] = ['\u001b_G', '\u001b\\'];
    const pieces = text.split(end).slice(0, -1);
    expect(pieces.every((piece) => piece.startsWith(start))).toBe(true);
    const [keys, chunks] = [0, 1].map((i) =>
      pieces.map((piece) => piece.slice(start.length).split(';')[i] ?? ''),
    );
    expect(keys).toEqual(['a=T,f=100,q=2,m=1', 'm=1', 'm=1', 'm=0']);
    expect(chunks?.every((chunk) => chunk.length > 0 && chunk.length <= 4096)).toBe(true);
    const data = Buffer.from(chunks?.join('') ?? '', 'base64');
    expect(data.equals(png)).toBe(true);
  });

  it('arrives whole by the iTerm2 protocol', () => {
    const text = terminalPicture('iterm2', Uint8Array.of(1, 2, 3));
    expect(text).toBe('\u001b]1337;File=inline=1;size=3;preserveAspectRatio=1:AQID\u0007\n');
  });
});

interface Fetched {
  readonly status: number | undefined;
  readonly type: string | undefined;
  readonly cache: string | undefined;
  readonly body: Buffer;
}

function fetchOne(url: string, host?: string): Promise<Fetched> {
  return new Promise((resolve, reject) => {
    request(url, { agent: false, ...(host !== undefined && { headers: { host } }) }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({
          status: response.statusCode,
          type: response.headers['content-type'],
          cache: response.headers['cache-control'],
          body: Buffer.concat(chunks),
        }),
      );
    })
      .on('error', reject)
      .end();
  });
}

async function fetchAll(urls: readonly string[]): Promise<Fetched[]> {
  const answers = [];
  for (const url of urls) answers.push(await fetchOne(url));
  return answers;
}

describe('the one-time page', () => {
  const options = { token: 'secret', waitMs: 20_000, signal: new AbortController().signal };

  it('shows the page and the picture once each, stored nowhere, then closes', async () => {
    let address = '';
    let visit: Promise<Fetched[]> | undefined;
    await showOnPage(
      { title: '<b>"sunset"</b>', mediaType: 'image/jpeg', bytes: sunset.bytes },
      {
        ...options,
        onReady: (url) => {
          address = url;
          visit = fetchAll([url, url, `${url}/picture`]);
        },
      },
    );
    const [page, again, picture] = (await visit) ?? [];
    expect(page).toMatchObject({ status: 200, cache: 'no-store' });
    expect(page?.body.toString()).toContain('&lt;b&gt;&quot;sunset&quot;&lt;/b&gt;');
    expect(page?.body.toString()).not.toContain('<b>');
    expect(again?.status).toBe(404);
    expect(picture).toMatchObject({ status: 200, type: 'image/jpeg', cache: 'no-store' });
    expect([...(picture?.body ?? [])]).toEqual([1, 2, 3]);
    await expect(fetchOne(`${address}/picture`)).rejects.toThrow('ECONNREFUSED');
  });

  it('answers neither a guess nor a page elsewhere that resolves its name to this machine', async () => {
    const done = new AbortController();
    let visit: Promise<(number | undefined)[]> | undefined;
    const showing = showOnPage(
      { title: 'x', mediaType: 'image/png', bytes: sunset.bytes },
      {
        ...options,
        signal: done.signal,
        onReady: (url) => {
          const { origin, host } = new URL(url);
          visit = Promise.all([
            fetchOne(`${origin}/`),
            fetchOne(`${origin}/guess/picture`),
            fetchOne(url, `evil.example:${host.split(':')[1]}`),
          ]).then((answers) => answers.map(({ status }) => status));
          void visit.finally(() => done.abort());
        },
      },
    );
    await expect(showing).rejects.toMatchObject({ code: 'program/cancelled' });
    expect(await visit).toEqual([404, 404, 404]);
  });

  it('gives up when nobody comes', async () => {
    const showing = showOnPage(
      { title: 'x', mediaType: 'image/png', bytes: sunset.bytes },
      { ...options, waitMs: 1, onReady: () => {} },
    );
    await expect(showing).rejects.toMatchObject({ code: 'program/timeout' });
  });
});
