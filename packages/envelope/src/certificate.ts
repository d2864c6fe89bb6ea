/**
 * Certificates of peers: self-signed Ed25519, worth nothing but the key in them. That key is compared
 * with the registered one; names, dates and issuers are ignored.
 */

import { webcrypto, X509Certificate } from 'node:crypto';
import type { PublicKey } from '@cloud-steg/protocol';
import { toBase64url } from './encoding.ts';
import type { KeyPair } from './keys.ts';

export interface CertificatePair {
  readonly certPem: string;
  readonly keyPem: string;
}

const ED25519 = { name: 'Ed25519' };
const ED25519_SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const LIFETIME_MS = 366 * 24 * 60 * 60 * 1000;

/** A certificate for `pair`, valid a day back (clocks differ) and a year ahead. */
export async function makeCertificate(
  pair: KeyPair,
  serial: Uint8Array,
  nowMs: number,
): Promise<CertificatePair> {
  const { cryptoProvider, X509CertificateGenerator } = await loadX509();
  // Typed by the DOM's Crypto, which Node's is at run time.
  cryptoProvider.set(webcrypto as never);
  const pkcs8 = pair.privateKey.export({ format: 'der', type: 'pkcs8' });
  const publicRaw = Buffer.from(pair.publicKey, 'base64url');
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: Buffer.from(serial).toString('hex'),
    name: 'CN=cloud-steg peer',
    notBefore: new Date(nowMs - 24 * 60 * 60 * 1000),
    notAfter: new Date(nowMs + LIFETIME_MS),
    signingAlgorithm: ED25519,
    keys: {
      privateKey: await webcrypto.subtle.importKey('pkcs8', pkcs8, ED25519, true, ['sign']),
      publicKey: await webcrypto.subtle.importKey('raw', publicRaw, ED25519, true, ['verify']),
    },
  });
  return {
    certPem: certificate.toString('pem'),
    keyPem: pair.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
  };
}

/** Loaded when first needed: it takes a quarter of a second, and most commands make no certificate. */
async function loadX509() {
  await import('reflect-metadata');
  return import('@peculiar/x509');
}

/** The Ed25519 key of a DER certificate, or undefined when it holds another kind of key. */
export function certificateKey(der: Uint8Array): PublicKey | undefined {
  let spki: Buffer;
  try {
    spki = new X509Certificate(der).publicKey.export({ format: 'der', type: 'spki' });
  } catch {
    return undefined;
  }
  const prefix = spki.subarray(0, ED25519_SPKI_PREFIX.length);
  if (spki.length !== ED25519_SPKI_PREFIX.length + 32 || !prefix.equals(ED25519_SPKI_PREFIX))
    return undefined;
  return toBase64url(spki.subarray(ED25519_SPKI_PREFIX.length)) as PublicKey;
}
