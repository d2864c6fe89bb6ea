import { type GrantView, GrantView as GrantViewSchema } from '@cloud-steg/protocol';
import { describe, expect, it } from 'vitest';
import { grantJson, grantLine, grantStarting } from '../src/grant-lookup.ts';

function grant(id: string): GrantView {
  const creation = {
    v: 1,
    kind: 'create',
    grant: id,
    seq: 0,
    owner: 'bob',
    ownerKey: 'A'.repeat(43),
    recipient: 'alice',
    recipientKey: 'A'.repeat(43),
    imageId: '0'.repeat(32),
    imageIndex: 0,
    imageName: 'sunset.jpg',
    views: 2,
    expiresAt: null,
    allowSave: true,
    shareSha256: '0'.repeat(64),
    contentSha256: '0'.repeat(64),
    at: 1,
  };
  return GrantViewSchema.parse({
    id,
    owner: 'bob',
    recipient: 'alice',
    log: [{ text: JSON.stringify(creation), signature: 'A'.repeat(86) }],
    views: 2,
    used: 1,
    left: 1,
    expiresAt: null,
    phase: 'active',
    createdAt: 1,
    lastOpenedAt: null,
  });
}

const grants = [grant(`aa00${'0'.repeat(28)}`), grant(`aa11${'0'.repeat(28)}`), grant(`bb${'0'.repeat(30)}`)];

describe('a grant named by the start of its id', () => {
  it('is found when only one starts so', () => {
    expect(grantStarting(grants, 'b')).toBe(grants[2]);
    expect(grantStarting(grants, 'aa1')).toBe(grants[1]);
    expect(grantStarting(grants, `aa00${'0'.repeat(28)}`)).toBe(grants[0]);
  });

  it('is refused when several do, saying which', () => {
    expect(() => grantStarting(grants, 'aa')).toThrow(
      expect.objectContaining({ code: 'usage/bad-argument', hint: 'type more of it: aa0000, aa1100' }),
    );
  });

  it('is unknown when none does', () => {
    expect(() => grantStarting(grants, 'cc')).toThrow(expect.objectContaining({ code: 'grant/unknown' }));
  });
});

describe('a grant as people and programs read it', () => {
  it('tells picture, partner and count', () => {
    const [first] = grants;
    if (!first) throw new Error('no grant');
    expect(grantLine(first, 'owner')).toBe('aa000000  sunset.jpg to alice: 1 of 2 views used, active');
    expect(grantLine(first, 'recipient')).toBe('aa000000  sunset.jpg from bob: 1 of 2 views used, active');
    expect(grantJson(first)).toMatchObject({
      imageName: 'sunset.jpg',
      imageIndex: 0,
      allowSave: true,
      left: 1,
    });
    expect(grantJson(first)).not.toHaveProperty('log');
  });
});
