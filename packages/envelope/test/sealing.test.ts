import { randomBytes } from 'node:crypto';
import { AppError, type GrantId, type Username, type ViewId } from '@cloud-steg/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  anchorNumber,
  checkSealable,
  contentHash,
  contentKey,
  generateIdentity,
  type Header,
  headerOrderStream,
  openBody,
  openHeader,
  openShare,
  pairKey,
  sealBody,
  sealedBodyBytes,
  sealHeader,
  sealShare,
  toHex,
  unwrapShare,
  wrapShare,
} from '../src/index.ts';

const random = (bytes: number) => new Uint8Array(randomBytes(bytes));
const alice = generateIdentity(random);
const bob = generateIdentity(random);
const eve = generateIdentity(random);
const names = { alice: 'alice' as Username, bob: 'bob' as Username };
const size = { width: 640, height: 480 };
const grant = toHex(random(16)) as GrantId;

const toBob = pairKey(alice.agreement, bob.agreement.publicKey, names.alice, names.bob);
const fromAlice = pairKey(bob.agreement, alice.agreement.publicKey, names.alice, names.bob);

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return error instanceof AppError ? error.code : `foreign ${String(error)}`;
  }
  return 'nothing thrown';
}

const header: Header = {
  profile: 'synth',
  owner: names.alice,
  allowed: names.bob,
  viewsRemaining: 2,
  viewsGranted: 3,
  grant,
  carrierKey: random(32),
  expiresAt: 1_900_000_000_000,
  fileId: random(16),
  bodySalt: random(32),
  bodyBytes: 14 * 1024 * 1024 + 300,
};

describe('a pair key', () => {
  it('is the same on both sides', () => {
    expect(toBob.secret).toEqual(fromAlice.secret);
    expect(anchorNumber(toBob, 640, 480)).toBe(anchorNumber(fromAlice, 640, 480));
  });

  it('differs by direction, by names and by keys', () => {
    const secrets = [
      toBob,
      pairKey(alice.agreement, bob.agreement.publicKey, names.bob, names.alice),
      pairKey(alice.agreement, bob.agreement.publicKey, names.alice, 'bob2' as Username),
      pairKey(alice.agreement, eve.agreement.publicKey, names.alice, names.bob),
    ].map((pair) => toHex(pair.secret));
    expect(new Set(secrets).size).toBe(4);
  });

  it('refuses a key of low order', () => {
    const zero = Buffer.alloc(32).toString('base64url') as typeof bob.agreement.publicKey;
    expect(codeOf(() => pairKey(alice.agreement, zero, names.alice, names.bob))).toBe('input/invalid');
  });

  it('puts the header elsewhere when the unmodified block differs', () => {
    const draw = (anchor: Uint8Array) => {
      const out = new Uint8Array(32);
      headerOrderStream(toBob, 640, 480, anchor)(out);
      return toHex(out);
    };
    expect(draw(new Uint8Array(4096))).toBe(draw(new Uint8Array(4096)));
    expect(draw(new Uint8Array(4096))).not.toBe(draw(new Uint8Array(4096).fill(1)));
  });
});

describe('a header', () => {
  it('comes back as it was sealed, for the other half of the pair', () => {
    const sealed = sealHeader(toBob, size, header, random(32));
    expect(sealed.length).toBe(384);
    expect(openHeader(fromAlice, size, sealed)).toEqual(header);
  });

  it('shares no byte with another sealing of the same fields', () => {
    const [one, two] = [1, 2].map(() => sealHeader(toBob, size, header, random(32)));
    const same = one?.filter((byte, i) => byte === two?.[i]).length ?? 384;
    expect(same).toBeLessThan(16);
  });

  it('opens for nobody else, nor in a picture of another size, nor with one bit turned', () => {
    const sealed = sealHeader(toBob, size, header, random(32));
    const withEve = pairKey(eve.agreement, alice.agreement.publicKey, names.alice, names.bob);
    expect(openHeader(withEve, size, sealed)).toBeUndefined();
    expect(openHeader(fromAlice, { width: 480, height: 640 }, sealed)).toBeUndefined();
    fc.assert(
      fc.property(fc.nat(383), fc.nat(7), (byte, bit) => {
        const turned = sealed.slice();
        turned[byte] = (turned[byte] ?? 0) ^ (1 << bit);
        expect(openHeader(fromAlice, size, turned)).toBeUndefined();
      }),
    );
  });

  it('is undefined for any bytes that are none', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(openHeader(fromAlice, size, bytes)).toBeUndefined();
      }),
    );
  });
});

describe('a body', () => {
  const context = { ...size, profile: 'balanced' as const, fileId: random(16) };
  const key = contentKey(random(32), random(32), grant);

  it('returns the file byte for byte, with its name and type', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), fc.string({ maxLength: 60 }), (bytes, name) => {
        const file = { name, mediaType: 'image/jpeg', bytes };
        const sealed = sealBody(key, context, file);
        expect(sealed.length).toBe(sealedBodyBytes(file));
        expect(openBody(key, context, sealed)).toEqual(file);
      }),
    );
  });

  it('is refused when any bit, the size, the profile or the file id differs', () => {
    const sealed = sealBody(key, context, { name: 'a.jpg', mediaType: 'image/jpeg', bytes: random(100) });
    const turned = sealed.slice();
    turned[50] = (turned[50] ?? 0) ^ 1;
    expect(codeOf(() => openBody(key, context, turned))).toBe('carrier/damaged');
    expect(codeOf(() => openBody(key, { ...context, width: 641 }, sealed))).toBe('carrier/damaged');
    expect(codeOf(() => openBody(key, { ...context, profile: 'synth' }, sealed))).toBe('carrier/damaged');
    expect(codeOf(() => openBody(key, { ...context, fileId: random(16) }, sealed))).toBe('carrier/damaged');
    expect(codeOf(() => openBody(key, context, new Uint8Array(3)))).toBe('carrier/damaged');
  });

  it('needs both halves of the key', () => {
    const [half, share] = [random(32), random(32)];
    expect(contentKey(half, share, grant)).toEqual(contentKey(half, share, grant));
    expect(contentKey(half, random(32), grant)).not.toEqual(contentKey(half, share, grant));
    expect(contentKey(random(32), share, grant)).not.toEqual(contentKey(half, share, grant));
  });

  it('has a hash that names file id and ciphertext', () => {
    const bytes = random(64);
    expect(contentHash(context.fileId, bytes)).toMatch(/^[0-9a-f]{64}$/);
    expect(contentHash(random(16), bytes)).not.toBe(contentHash(context.fileId, bytes));
  });
});

describe('a key share', () => {
  const ticket = { grant, viewId: toHex(random(16)) as ViewId, n: 1 };

  it('passes from owner through cluster and view to the recipient', async () => {
    const share = random(32);
    const fresh = generateIdentity(random).agreement;
    const sealed = await sealShare(bob.agreement.publicKey, grant, share);
    const wrapped = await wrapShare(fresh.publicKey, ticket, sealed);
    const unwrapped = await unwrapShare(fresh, ticket, wrapped);
    expect(unwrapped).toEqual(sealed);
    expect(await openShare(bob.agreement, grant, unwrapped)).toEqual(share);
  });

  it('is sealed to any key but those that share no secret, which can be told beforehand', async () => {
    const zero = Buffer.alloc(32).toString('base64url') as typeof bob.agreement.publicKey;
    const invalid = { code: 'input/invalid' };
    await expect(checkSealable(zero)).rejects.toMatchObject(invalid);
    await expect(wrapShare(zero, ticket, random(80))).rejects.toMatchObject(invalid);
    await expect(checkSealable(bob.agreement.publicKey)).resolves.toBeUndefined();
  });

  it('is of no use to the cluster, to another user, for another grant or another view', async () => {
    const fresh = generateIdentity(random).agreement;
    const sealed = await sealShare(bob.agreement.publicKey, grant, random(32));
    const wrapped = await wrapShare(fresh.publicKey, ticket, sealed);
    const otherGrant = toHex(random(16)) as GrantId;
    const noKey = { code: 'envelope/no-matching-key' };
    await expect(openShare(eve.agreement, grant, sealed)).rejects.toMatchObject(noKey);
    await expect(openShare(bob.agreement, otherGrant, sealed)).rejects.toMatchObject(noKey);
    await expect(unwrapShare(bob.agreement, ticket, wrapped)).rejects.toMatchObject(noKey);
    await expect(unwrapShare(fresh, { ...ticket, n: 2 }, wrapped)).rejects.toMatchObject(noKey);
    await expect(unwrapShare(fresh, ticket, wrapped.subarray(0, 20))).rejects.toMatchObject(noKey);
  });
});
