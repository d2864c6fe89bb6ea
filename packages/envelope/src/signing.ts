/** Signing and checking documents. The text that was signed is the text that travels. */

import { sign, verify } from 'node:crypto';
import {
  AppError,
  type PublicKey,
  parseJson,
  type Signature,
  type Signed,
  type SigningContext,
} from '@cloud-steg/protocol';
import type * as z from 'zod';
import { fromBase64url, toBase64url } from './encoding.ts';
import { type KeyPair, publicKeyObject } from './keys.ts';

function signedBytes(context: SigningContext, text: string): Buffer {
  return Buffer.from(`cloud-steg/${context}/v1\n${text}`);
}

/** Ed25519 (RFC 8032) over context and text. */
export function signText(pair: KeyPair, context: SigningContext, text: string): Signed {
  const signature = sign(null, signedBytes(context, text), pair.privateKey);
  return { text, signature: toBase64url(signature) as Signature };
}

/** Writes `document` as JSON and signs that text. */
export function signDocument(pair: KeyPair, context: SigningContext, document: object): Signed {
  return signText(pair, context, JSON.stringify(document));
}

/** True when `key` signed this very text in this context. */
export function verifySigned(key: PublicKey, context: SigningContext, signed: Signed): boolean {
  return verify(
    null,
    signedBytes(context, signed.text),
    publicKeyObject('Ed25519', key),
    fromBase64url(signed.signature),
  );
}

/**
 * The document inside, once its signature holds and its text has the schema's shape.
 * Throws `auth/bad-signature` or `input/invalid`.
 */
export function openSigned<S extends z.ZodType>(
  schema: S,
  context: SigningContext,
  key: PublicKey,
  signed: Signed,
): z.infer<S> {
  if (!verifySigned(key, context, signed)) {
    throw new AppError('auth/bad-signature', `${context}: signature does not match key ${key.slice(0, 8)}…`);
  }
  return parseJson(schema, signed.text, context);
}

/** The document inside, unchecked: only to learn which key to check it with. */
export function peekSigned<S extends z.ZodType>(
  schema: S,
  context: SigningContext,
  signed: Signed,
): z.infer<S> {
  return parseJson(schema, signed.text, context);
}
