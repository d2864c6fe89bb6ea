/**
 * Requests to the cluster, signed by the user's key: RFC 9421 over method, path, query and content
 * digest (RFC 9530), with creation time, nonce, user name as key id, and the cluster's key as tag, so that a
 * request recorded at one cluster says nothing at another.
 */

import { createHash, sign, verify } from 'node:crypto';
import { AppError, type PublicKey, SIGNATURE_WINDOW_MS, Username } from '@cloud-steg/protocol';
import { httpbis } from 'http-message-signatures';
import { toHex } from './encoding.ts';
import { type KeyPair, publicKeyObject } from './keys.ts';

const FIELDS = ['@method', '@path', '@query', 'content-digest'];
const PARAMS = ['created', 'nonce', 'keyid', 'tag'];
const SIGNATURE_NAME = 'sig';

/** What is signed, on either side. `url` is absolute; only its path and query are covered. */
export interface SignableRequest {
  readonly method: string;
  readonly url: string;
  readonly body: Uint8Array;
}

export interface RequestSigner {
  readonly username: Username;
  readonly key: KeyPair;
  /** The cluster this request is meant for. */
  readonly clusterKey: PublicKey;
  readonly nowMs: number;
  readonly random: (bytes: number) => Uint8Array;
}

/** The headers to send along: `content-digest`, `signature-input`, `signature`. */
export async function signRequest(
  request: SignableRequest,
  signer: RequestSigner,
): Promise<Record<string, string>> {
  const digest = contentDigest(request.body);
  const headers: Record<string, string> = { 'content-digest': digest };
  const signed = await httpbis.signMessage(
    {
      key: {
        id: signer.username,
        sign: async (data) => sign(null, data, signer.key.privateKey),
      },
      name: SIGNATURE_NAME,
      fields: FIELDS,
      params: PARAMS,
      paramValues: {
        created: new Date(signer.nowMs),
        nonce: toHex(signer.random(16)),
        tag: tagOf(signer.clusterKey),
      },
    },
    { method: request.method, url: request.url, headers },
  );
  return Object.fromEntries(
    Object.entries(signed.headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}

export interface ReceivedRequest extends SignableRequest {
  /** Lower case names. */
  readonly headers: Readonly<Record<string, string | undefined>>;
}

export interface VerifyOptions {
  readonly clusterKey: PublicKey;
  readonly nowMs: number;
  /** The user's Ed25519 key, or undefined when there is no such user. */
  readonly keyOf: (username: Username) => Promise<PublicKey | undefined>;
}

/** Who signed a request, and what makes it unique within the window. */
export interface VerifiedRequest {
  readonly username: Username;
  readonly nonce: string;
  readonly createdMs: number;
}

/**
 * Throws `auth/unsigned`, `auth/bad-signature`, `auth/clock-skew` (naming the difference),
 * `auth/wrong-cluster` or `identity/unknown`.
 */
export async function verifyRequest(
  request: ReceivedRequest,
  options: VerifyOptions,
): Promise<VerifiedRequest> {
  const input = request.headers['signature-input'];
  const signature = request.headers['signature'];
  const digest = request.headers['content-digest'];
  if (!input || !signature || !digest) {
    throw new AppError('auth/unsigned', 'this call must be signed by a registered user’s key', {
      hint: 'use p2p-client, or sign it per RFC 9421 as docs/wire.md shows',
    });
  }
  if (digest !== contentDigest(request.body)) throw badSignature('content-digest does not match the body');

  let verified: VerifiedRequest | undefined;
  try {
    const holds = await httpbis.verifyMessage(
      {
        all: true,
        requiredFields: FIELDS,
        requiredParams: PARAMS,
        // The window is checked in keyLookup, where the difference can be named.
        notAfter: Number.MAX_SAFE_INTEGER,
        keyLookup: async (params) => {
          // One signature only: with several, the last one's verdict would stand for all.
          if (verified) throw badSignature('more than one signature');
          verified = checkParameters(params, options);
          const key = await options.keyOf(verified.username);
          if (!key) throw new AppError('identity/unknown', `no user is called ${verified.username}`);
          const keyObject = publicKeyObject('Ed25519', key);
          return { id: verified.username, verify: async (data, sig) => verify(null, data, keyObject, sig) };
        },
      },
      {
        method: request.method,
        url: request.url,
        headers: { 'content-digest': digest, 'signature-input': input, signature },
      },
    );
    if (holds !== true || !verified)
      throw badSignature('it was made with another key, or for another request');
    return verified;
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw badSignature(error instanceof Error ? error.message.toLowerCase() : 'malformed', error);
  }
}

interface ClaimedParameters {
  created?: Date | null;
  nonce?: string;
  keyid?: string;
  tag?: string;
}

function checkParameters(params: ClaimedParameters, options: VerifyOptions): VerifiedRequest {
  const username = Username.safeParse(params.keyid);
  const createdMs = params.created?.getTime();
  const nonce = params.nonce;
  if (
    !username.success ||
    createdMs === undefined ||
    !Number.isFinite(createdMs) ||
    !nonce ||
    nonce.length > 64
  ) {
    throw badSignature('created, nonce or keyid is missing or malformed');
  }
  if (params.tag !== tagOf(options.clusterKey)) {
    throw new AppError('auth/wrong-cluster', 'this request was signed for another cluster', {
      hint: 'this profile belongs to another cluster: name its servers with --server, or register here',
    });
  }
  const aheadMs = createdMs - options.nowMs;
  if (Math.abs(aheadMs) > SIGNATURE_WINDOW_MS) {
    const seconds = Math.round(Math.abs(aheadMs) / 1000);
    const direction = aheadMs > 0 ? 'ahead of' : 'behind';
    throw new AppError(
      'auth/clock-skew',
      `this machine's clock is ${seconds} s ${direction} the server's; ${SIGNATURE_WINDOW_MS / 1000} s are allowed`,
      { data: { aheadMs, allowedMs: SIGNATURE_WINDOW_MS } },
    );
  }
  return { username: username.data, nonce, createdMs };
}

function contentDigest(body: Uint8Array): string {
  return `sha-256=:${createHash('sha256').update(body).digest('base64')}:`;
}

function tagOf(clusterKey: PublicKey): string {
  return `cloud-steg:${clusterKey}`;
}

function badSignature(why: string, cause?: unknown): AppError {
  return new AppError('auth/bad-signature', `the request's signature does not hold: ${why}`, { cause });
}
