import { readElectionConfig } from '@cloud-steg/election';
import { AppError } from '@cloud-steg/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answerDialer } from '../src/handshake.ts';
import { checkProof, FrameOpener, FrameSealer, linkKey, proofOf, type Session } from '../src/link-proof.ts';
import { SECRET } from './cluster.ts';

const key = linkKey(SECRET);
const session: Session = {
  dialer: 'a:1',
  listener: 'b:1',
  dialerNonce: 'd'.repeat(43),
  listenerNonce: 'l'.repeat(43),
};

describe('a proof', () => {
  it('holds for its role, its members, its nonces and its secret only', () => {
    const proof = proofOf(key, 'dialer', session);
    expect(() => checkProof(key, 'dialer', session, proof)).not.toThrow();
    const swapped = { ...session, dialer: session.listener, listener: session.dialer };
    const others: [Uint8Array, 'dialer' | 'listener', Session][] = [
      [key, 'listener', session],
      [key, 'listener', swapped],
      [key, 'dialer', swapped],
      [key, 'dialer', { ...session, dialer: 'a:2' }],
      [key, 'dialer', { ...session, listener: 'b:2' }],
      [key, 'dialer', { ...session, dialerNonce: 'x'.repeat(43) }],
      [key, 'dialer', { ...session, listenerNonce: 'x'.repeat(43) }],
      [linkKey(new Uint8Array(32)), 'dialer', session],
    ];
    for (const [otherKey, role, other] of others) {
      expect(() => checkProof(otherKey, role, other, proof)).toThrow(
        expect.objectContaining({ code: 'auth/bad-signature' }),
      );
    }
  });

  it('is what docs/wire.md says it is', () => {
    expect(proofOf(key, 'dialer', session)).toBe('tfP29Huosz73KPbx6TFFOxLgDQt_jB4lg08OEOxqGRM');
    expect(proofOf(key, 'listener', session)).toBe('3RfkpopRgRsDI1-EUEBJsOZi_mFSrT_dbWWvUIqW3N8');
  });

  it('cannot be had of a secret of another length', () => {
    expect(() => linkKey(new Uint8Array(0))).toThrow('cluster secret of 0 bytes');
  });
});

describe('a dialer’s line', () => {
  it('is refused with a code, whatever it holds', () => {
    const config = readElectionConfig({ this_node: 'b:1', peers: ['a:1'] });
    const options = { config, key, nonce: session.listenerNonce };
    const claim = fc.record(
      { from: fc.constantFrom('a:1', 'b:1'), to: fc.constant('b:1'), nonce: fc.string(), proof: fc.string() },
      { requiredKeys: [] },
    );
    const line = fc.oneof(
      fc.string(),
      fc.json(),
      claim.map((value) => JSON.stringify(value)),
    );
    const property = fc.property(line, (text) => {
      try {
        answerDialer(options, text);
        return false;
      } catch (error) {
        return error instanceof AppError && error.code !== 'program/bug';
      }
    });
    expect(() => fc.assert(property)).not.toThrow();
  });
});

describe('sealed frames', () => {
  it('are what docs/wire.md says they are', () => {
    const sealer = new FrameSealer(key, session);
    expect(sealer.seal('hello')).toBe('AWpofswPJHwkTa-Xe7q5-lr22sUahvrkQnbkVTG4Mso hello');
    expect(sealer.seal('hello')).toBe('03-RTQ6D9-86rMIsb8yHYTkA-7PxYzY_W9RvLN-uHaE hello');
  });

  it('come out as they went in', () => {
    const property = fc.property(fc.array(fc.string({ unit: 'grapheme' })), (frames) => {
      const sealer = new FrameSealer(key, session);
      const opener = new FrameOpener(key, session);
      return frames.every((frame) => opener.open(sealer.seal(frame)) === frame);
    });
    expect(() => fc.assert(property)).not.toThrow();
  });

  it('are refused with any character changed, and under any other session', () => {
    const line = new FrameSealer(key, session).seal('{"term":1}');
    const opens =
      (text: string, of = session) =>
      () =>
        new FrameOpener(key, of).open(text);
    expect(opens(line)()).toBe('{"term":1}');
    for (let i = 0; i < line.length; i++) {
      expect(opens(`${line.slice(0, i)}~${line.slice(i + 1)}`)).toThrow('in the name of a:1 is not its own');
    }
    for (const other of [
      { ...session, dialer: 'a:2' },
      { ...session, listener: 'b:2' },
      { ...session, dialerNonce: 'x'.repeat(43) },
      { ...session, listenerNonce: 'x'.repeat(43) },
    ]) {
      expect(opens(line, other)).toThrow(AppError);
    }
  });
});
