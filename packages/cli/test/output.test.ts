import { AppError } from '@cloud-steg/protocol';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonLine, Output, type OutputStyle } from '../src/output.ts';
import { formatBytes, formatSpan, plural, printable } from '../src/wording.ts';
import { memorySink } from './shell.ts';

const plain: OutputStyle = { json: false, quiet: false, verbose: false, color: false };

function outputOf(style: Partial<OutputStyle> = {}, isTty = false) {
  const stdout = memorySink(isTty);
  const stderr = memorySink(isTty);
  return { output: new Output(stdout, stderr, { ...plain, ...style }), stdout, stderr };
}

const DANGEROUS = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

describe('text from other people', () => {
  it('loses escape sequences, line breaks and marks that reorder text', () => {
    expect(printable('a\u001b[31mb\r\nc\u0007\u009bd\u202Etxt\u2066\u2028e')).toBe('a[31mbcdtxte');
    expect(printable('Grüße, 写真 📷')).toBe('Grüße, 写真 📷');
  });

  it('cannot reach a terminal as commands, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const { output, stdout, stderr } = outputOf({ verbose: true });
        output.print({}, [text]);
        output.note(text);
        output.error(new AppError('program/failed', text, { hint: text }));
        output.log('warn', text, { text });
        const lines = (stdout.text + stderr.text).split('\n');
        return lines.every((line) => !DANGEROUS.test(line));
      }),
    );
  });

  it('is the same after JSON, without a character that a terminal obeys', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const line = jsonLine(value);
        expect(JSON.parse(line)).toEqual(JSON.parse(JSON.stringify(value)));
        return !DANGEROUS.test(line);
      }),
    );
    expect(jsonLine('\u009b\u202e')).toBe('"\\u009b\\u202e"');
  });
});

describe('output', () => {
  it('puts data on stdout and talk on stderr', () => {
    const { output, stdout, stderr } = outputOf();
    output.print({ n: 1 }, ['one', 'two']);
    output.note('a hint');
    expect(stdout.text).toBe('one\ntwo\n');
    expect(stderr.text).toBe('a hint\n');
  });

  it('prints one JSON object and no talk with --json', () => {
    const { output, stdout, stderr } = outputOf({ json: true });
    output.print({ n: 1 }, ['one', 'two']);
    output.note('a hint');
    expect(stdout.text).toBe('{"n":1}\n');
    expect(stderr.text).toBe('');
  });

  it('says no hints with --quiet, but errors', () => {
    const { output, stderr } = outputOf({ quiet: true });
    output.note('a hint');
    output.error(new AppError('carrier/not-found', 'no file x.png', { hint: 'look elsewhere' }));
    expect(stderr.text).toBe('error: no file x.png\nhint: look elsewhere\n');
  });

  it('tells an error with its hint, or as an object with its exit code', () => {
    const error = new AppError('grant/exhausted', 'no views left', { hint: 'ask again', data: { views: 2 } });
    const text = outputOf();
    text.output.error(error);
    expect(text.stdout.text).toBe('');
    expect(text.stderr.text).toBe('error: no views left\nhint: ask again\n');

    const json = outputOf({ json: true });
    json.output.error(error);
    expect(json.stderr.text).toBe('');
    expect(JSON.parse(json.stdout.text)).toEqual({
      error: {
        code: 'grant/exhausted',
        message: 'no views left',
        hint: 'ask again',
        data: { views: 2 },
        exit: 6,
      },
    });
  });

  it('colours only a terminal that wants it', () => {
    const error = new AppError('program/failed', 'x');
    const colored = outputOf({ color: true }, true);
    colored.output.error(error);
    expect(colored.stderr.text).toContain('\u001b[1;31merror:\u001b[0m x');
    const piped = outputOf({ color: true }, false);
    piped.output.error(error);
    expect(piped.stderr.text).toBe('error: x\n');
  });

  it('shows where a bug happened only when asked, and says how to ask', () => {
    const bug = new AppError('program/bug', 'boom', { cause: new Error('boom') });
    const silent = outputOf();
    silent.output.error(bug);
    expect(silent.stderr.text).toContain('--verbose');
    expect(silent.stderr.text).not.toContain('output.test.ts');
    const verbose = outputOf({ verbose: true });
    verbose.output.error(bug);
    expect(verbose.stderr.text).toContain('output.test.ts');
  });
});

describe('wording', () => {
  it('rounds sizes without showing a thousand of the smaller unit', () => {
    expect(formatBytes(999)).toBe('999 B');
    expect(formatBytes(518_000)).toBe('518 KB');
    expect(formatBytes(999_600)).toBe('1.0 MB');
    expect(formatBytes(1_072_182)).toBe('1.1 MB');
  });

  it('tells spans in their largest whole unit', () => {
    expect([-5, 5_000, 60_000, 7_200_000, 400_000_000].map(formatSpan)).toEqual([
      '0s',
      '5s',
      '1m',
      '2h',
      '4d',
    ]);
  });

  it('counts in singular and plural', () => {
    expect([plural(0, 'view'), plural(1, 'view'), plural(2, 'view')]).toEqual([
      '0 views',
      '1 view',
      '2 views',
    ]);
  });
});
