/**
 * The cluster's half of a content key. The owner seals it to the recipient (so that the cluster
 * can't use it), and the cluster wraps that again to a fresh key of each view (so that a recorded
 * answer is of no use to anyone later). Both by HPKE, RFC 9180, base mode.
 */

import { AppError, type GrantId, type PublicKey, type ViewId } from '@cloud-steg/protocol';
import type { CipherSuite } from '@hpke/core';
import { fromBase64url, label } from './encoding.ts';
import { type KeyPair, seedOf } from './keys.ts';

const ENCAPSULATION_BYTES = 32;

/** Seals 32 share bytes to the recipient; only for this grant. */
export function sealShare(to: PublicKey, grant: GrantId, share: Uint8Array): Promise<Uint8Array> {
  return seal(to, label('share', 1, grant), share);
}

/** Throws `envelope/no-matching-key` when it was sealed to somebody else, or for another grant. */
export function openShare(own: KeyPair, grant: GrantId, sealedShare: Uint8Array): Promise<Uint8Array> {
  return open(own, label('share', 1, grant), sealedShare);
}

/** Which view of which grant an answer is for. */
export interface ViewTicket {
  readonly grant: GrantId;
  readonly viewId: ViewId;
  /** From 1. */
  readonly n: number;
}

/** The cluster's answer to a view: the sealed share, wrapped to that view's fresh key. */
export function wrapShare(to: PublicKey, ticket: ViewTicket, sealedShare: Uint8Array): Promise<Uint8Array> {
  return seal(to, ticketInfo(ticket), sealedShare);
}

/** Throws `envelope/no-matching-key` when the answer is for another key or another view. */
export function unwrapShare(own: KeyPair, ticket: ViewTicket, wrapped: Uint8Array): Promise<Uint8Array> {
  return open(own, ticketInfo(ticket), wrapped);
}

/** Throws `input/invalid` where nothing could be sealed to `key`: a point of low order, which shares no secret. */
export async function checkSealable(key: PublicKey): Promise<void> {
  await seal(key, label('trial', 1), new Uint8Array(0));
}

function ticketInfo(ticket: ViewTicket): Uint8Array {
  return label('view', 1, ticket.grant, ticket.viewId, ticket.n);
}

async function seal(to: PublicKey, info: Uint8Array, plain: Uint8Array): Promise<Uint8Array> {
  const suite = await loadSuite();
  try {
    const recipientPublicKey = await suite.kem.deserializePublicKey(exactBuffer(fromBase64url(to)));
    const sender = await suite.createSenderContext({ recipientPublicKey, info: exactBuffer(info) });
    const ciphertext = new Uint8Array(await sender.seal(exactBuffer(plain)));
    const out = new Uint8Array(ENCAPSULATION_BYTES + ciphertext.length);
    out.set(new Uint8Array(sender.enc), 0);
    out.set(ciphertext, ENCAPSULATION_BYTES);
    return out;
  } catch (cause) {
    throw new AppError('input/invalid', 'cannot seal to this X25519 key', { cause });
  }
}

async function open(own: KeyPair, info: Uint8Array, sealed: Uint8Array): Promise<Uint8Array> {
  const suite = await loadSuite();
  try {
    const recipientKey = await suite.kem.deserializePrivateKey(exactBuffer(seedOf(own)));
    const enc = exactBuffer(sealed.subarray(0, ENCAPSULATION_BYTES));
    const recipient = await suite.createRecipientContext({ recipientKey, enc, info: exactBuffer(info) });
    return new Uint8Array(await recipient.open(exactBuffer(sealed.subarray(ENCAPSULATION_BYTES))));
  } catch (cause) {
    throw new AppError('envelope/no-matching-key', 'sealed to another key', { cause });
  }
}

let suite: Promise<CipherSuite> | undefined;

/** Loaded when first needed: most commands neither seal nor open a share. */
function loadSuite(): Promise<CipherSuite> {
  suite ??= import('@hpke/core').then(
    ({ Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 }) =>
      new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() }),
  );
  return suite;
}

/** The library reads whole ArrayBuffers; ours may be windows into larger ones. */
function exactBuffer(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
