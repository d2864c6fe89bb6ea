import { AppError, LOG_TEXT_CHARS_MAX } from '@cloud-steg/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lineLog } from '../src/log-lines.ts';
import type { Log } from '../src/ports.ts';
import { Server } from './fixtures.ts';

/** What is written of whatever `talk` says. */
function logged(json: boolean, talk: (log: Log) => void, level: Parameters<Log>[0] = 'info'): string[] {
  const lines: string[] = [];
  talk(lineLog({ json, level, now: () => 0, write: (line) => lines.push(line) }));
  return lines;
}

const events = (log: Log) => {
  log('info', 'listening', { url: 'http://127.0.0.1:8000', node: '127.0.0.1:5001' });
  log('debug', 'chatter', {});
  log('warn', 'odd', { n: 1, error: new Error('broken', { cause: new Error('disk full') }) });
};

describe('log lines', () => {
  it('are sentences for people', () => {
    const [first, second, ...rest] = logged(false, events);
    expect(first).toBe('listening on http://127.0.0.1:8000, node 127.0.0.1:5001');
    expect(second).toMatch(/^warn: odd n=1 error="Error: broken.*because Error: disk full.*"$/);
    expect(rest).toEqual([]);
  });

  it('of the store are its own sentences, with what to do', () => {
    const talk = (log: Log) => {
      log('warn', 'store.writer-ended', {
        message: 'ended process 7',
        hint: 'start that server again',
        pid: 7,
      });
      log('warn', 'store.untidy', { message: 'disk full' });
    };
    expect(logged(false, talk)).toEqual([
      'warn: ended process 7; start that server again',
      'warn: disk full',
    ]);
  });

  it('are JSON for programs', () => {
    const [first, second] = logged(true, events).map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(first).toEqual({
      at: '1970-01-01T00:00:00.000Z',
      level: 'info',
      event: 'listening',
      url: 'http://127.0.0.1:8000',
      node: '127.0.0.1:5001',
    });
    expect(second).toMatchObject({ level: 'warn', error: { message: 'broken' } });
  });

  it('keep what a stranger sent within quotes and within the line, and off the terminal', () => {
    // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
    const unseen = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;
    const evil = fc.string({
      unit: fc.constantFrom('\u001b', '\n', '\r', '\u009b', '\u202e', '\u2028', '"', 'a'),
    });
    fc.assert(
      fc.property(evil, fc.boolean(), (text, expected) => {
        const error = expected ? new AppError('input/invalid', text) : new Error(text);
        const talk = (log: Log) => log('warn', 'refused', { error, path: text });
        const lines = [...logged(true, talk), ...logged(false, talk)];
        expect(lines).toHaveLength(2);
        for (const line of lines) expect(line).not.toMatch(unseen);
        expect(JSON.parse(lines[0] ?? '')).toMatchObject({ path: text, error: { message: text } });
      }),
    );
    const [sentence] = logged(false, (log) => log('info', 'following', { leader: 'x\u001b[2J\nstopped' }));
    expect(sentence).toBe('following x\\u001b[2J\\u000astopped');
  });

  it('are of bounded length', () => {
    const text = 'x'.repeat(10 * LOG_TEXT_CHARS_MAX);
    for (const json of [false, true]) {
      const [line = ''] = logged(json, (log) => log('warn', 'odd', { text, error: new Error(text) }));
      expect(line.length).toBeLessThan(4 * LOG_TEXT_CHARS_MAX);
    }
  });

  it('cannot be forged by an unsigned call', async () => {
    const server = await Server.create();
    const key = '\u001b[31m\nleader since term 99';
    const body = JSON.stringify({ identity: {}, addresses: [], images: [], previews: { [key]: 'AAAA' } });
    expect(await server.outcome('POST', '/register', { body })).toBe('400 input/invalid');
    const lines = logged(
      false,
      (log) => {
        for (const { event, fields } of server.log) log('debug', event, fields);
      },
      'debug',
    );
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toMatch(/[^\P{Cc}]/u);
  });
});
