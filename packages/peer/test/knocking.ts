/** Knocking at a peer's door by hand: as an honest peer, or as anything else. */

import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type TLSSocket } from 'node:tls';
import {
  type generateIdentity,
  makeCertificate,
  sha256Hex,
  signDocument,
  toBase64url,
  toHex,
} from '@cloud-steg/envelope';
import type { CosignedIdentity, Username } from '@cloud-steg/protocol';
import { secureRandom } from '../src/carrier-engine.ts';
import type { Member } from './world.ts';

export type Keys = ReturnType<typeof generateIdentity>;
export interface Answer {
  status: number;
  body: { code?: string; [name: string]: unknown };
}

/** A connection of whoever holds `keys`, as far as the other side lets them in. */
export async function dial(at: Member, keys: Keys): Promise<TLSSocket> {
  const { certPem, keyPem } = await makeCertificate(keys.signing, secureRandom(8), Date.now());
  const socket = connect({
    ...at.address,
    cert: certPem,
    key: keyPem,
    rejectUnauthorized: false,
    ALPNProtocols: ['p2p-http/1'],
  });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  return socket;
}

/** One request at a peer's door, by whoever holds `keys`. */
export async function knock(
  at: Member,
  keys: Keys,
  method: string,
  path: string,
  body: Uint8Array = new Uint8Array(),
  headers: Record<string, string> = {},
): Promise<Answer> {
  const socket = await dial(at, keys);
  return new Promise((resolve, reject) => {
    const sending = request(
      {
        createConnection: () => socket,
        method,
        path,
        headers: { connection: 'close', 'content-length': body.length, ...headers },
      },
      (response) => {
        let text = '';
        response.on('data', (chunk) => (text += chunk));
        response.on('end', () => {
          socket.destroy();
          resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as Answer['body'] });
        });
      },
    );
    // A refusal may come while the body is still being sent: the answer counts, not the broken pipe.
    let answered = false;
    sending.on('response', () => (answered = true));
    sending.on('error', (error) => answered || reject(error));
    sending.end(body);
  });
}

export const keysOf = (member: Member): Keys => member.peer.profile.identity;
export const json = (value: object) => Buffer.from(JSON.stringify(value));

/** A request for the first picture of `to`, in the name of `from`, signed by `signer`. */
export function requestBy(from: Username, signer: Keys, to: Member) {
  const [image] = to.peer.database.all('SELECT id FROM image');
  return signDocument(signer.signing, 'image-request', {
    v: 1,
    id: toHex(secureRandom(16)),
    from,
    to: to.name,
    imageId: image?.['id'],
    imageIndex: 0,
    at: Date.now(),
  });
}

/** A delivery from one to another, as honest or not as `change` makes it. */
export function delivery(
  from: Member,
  to: Member,
  requestId: string,
  bytes: Uint8Array,
  change: object = {},
) {
  const deliveryId = toHex(secureRandom(16));
  const manifest = {
    v: 1,
    deliveryId,
    from: from.name,
    to: to.name,
    requestId,
    grant: toHex(secureRandom(16)),
    imageName: 'x.jpg',
    views: 1,
    expiresAt: null,
    bytes: bytes.length,
    sha256: sha256Hex(bytes),
    at: Date.now(),
    ...change,
  };
  const signed = signDocument(keysOf(from).signing, 'delivery', manifest);
  return {
    deliveryId,
    path: `/p2p/receive-image/${deliveryId}`,
    headers: { 'delivery-manifest': toBase64url(json(signed)) },
  };
}

/** What the cluster says of a user. */
export async function identityOf(member: Member): Promise<CosignedIdentity> {
  const answer = await fetch(`${member.world.url}/users/${member.name}`);
  return ((await answer.json()) as { identity: CosignedIdentity }).identity;
}
