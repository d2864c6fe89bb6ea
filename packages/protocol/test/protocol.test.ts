import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  AppError,
  asUsername,
  ERRORS,
  EXIT,
  GrantEntry,
  isErrorCode,
  OnlinePage,
  PageQuery,
  parse,
  parseJson,
  RegisterBody,
  Signed,
  toAppError,
  traitsOf,
  Username,
} from '../src/index.ts';

describe('a username', () => {
  it('is lower case ASCII that is safe as a file name', () => {
    for (const name of ['alice', 'bob.smith', '0', 'a-b_c', 'x'.repeat(32)])
      expect(asUsername(name)).toBe(name);
    fc.assert(
      fc.property(fc.string(), (text) => {
        if (!Username.safeParse(text).success) return;
        expect(text).not.toMatch(/[/\\\0]|^\.|[A-Z]/);
        expect(text.length).toBeLessThanOrEqual(32);
      }),
      { numRuns: 2000 },
    );
  });

  it('is nothing that leads elsewhere', () => {
    for (const name of [
      '../../etc',
      '..',
      '.',
      '',
      'a/b',
      'a\\b',
      'a\0',
      'a\n',
      'Alice',
      'ä',
      'x'.repeat(33),
    ]) {
      expect(() => asUsername(name)).toThrow(/not a username/);
    }
  });
});

describe('parsing', () => {
  it('names what is wrong and where', () => {
    expect(() => parse(PageQuery, { limit: '0' }, 'query')).toThrow(/^query: limit: /);
    expect(() => parseJson(Signed, '{', 'body')).toThrow('body: not valid JSON');
    expect(() => parse(Signed, { text: 'x' }, 'body')).toThrow(AppError);
  });

  it('of any value returns or throws a typed error', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        for (const schema of [RegisterBody, OnlinePage, GrantEntry, Signed]) {
          expect(['parsed', 'input/invalid']).toContain(outcomeOf(() => parse(schema, value, 'value')));
        }
      }),
    );
  });
});

describe('the table of errors', () => {
  it('gives each code an HTTP status, a known exit code and a title', () => {
    const exits = Object.values(EXIT) as number[];
    for (const [code, { status, exit, title }] of Object.entries(ERRORS)) {
      expect(code).toMatch(/^[a-z]+\/[a-z-]+$/);
      expect(status).toBeGreaterThanOrEqual(300);
      expect(status).toBeLessThan(600);
      expect(exits.filter((known) => known !== EXIT.ok)).toContain(exit);
      expect(title).toMatch(/^[^A-Z]/);
    }
  });

  it('is closed', () => {
    expect(isErrorCode('grant/exhausted')).toBe(true);
    expect(isErrorCode('toString')).toBe(false);
    expect(isErrorCode('grant/unheard-of')).toBe(false);
  });

  it('keeps what was thrown, and takes a foreign error for a bug', () => {
    const known = new AppError('grant/ended', 'over');
    expect(toAppError(known)).toBe(known);
    expect(known.hint).toBe(traitsOf('grant/ended').hint);
    const foreign = new TypeError('x is undefined');
    expect(toAppError(foreign)).toMatchObject({ code: 'program/bug', cause: foreign });
    expect(toAppError('thrown text')).toMatchObject({ code: 'program/bug', message: 'thrown text' });
  });
});

function outcomeOf(run: () => unknown): string {
  try {
    run();
    return 'parsed';
  } catch (error) {
    return error instanceof AppError ? error.code : String(error);
  }
}
