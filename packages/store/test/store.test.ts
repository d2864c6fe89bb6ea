import { Term } from '@cloud-steg/protocol';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { bytesOf } from '../src/compliance.ts';
import { decodeTermClaim, encodeTermClaim } from '../src/store.ts';

it('a term claim survives its encoding, whatever the leader is called', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.string({ unit: 'grapheme' }), (term, leader) => {
      const claim = { term: Term.parse(term), leader };
      expect(decodeTermClaim(encodeTermClaim(claim))).toEqual(claim);
    }),
  );
});

it('anything else at the term is damage', () => {
  for (const value of [
    '',
    '{}',
    '{"term":1.5,"leader":"a"}',
    '{"term":1,"leader":"%"}',
    '{"term":1}',
    'null',
  ]) {
    expect(() => decodeTermClaim(bytesOf(value))).toThrow(expect.objectContaining({ code: 'store/damaged' }));
  }
});
