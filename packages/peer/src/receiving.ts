/** Carriers that arrive: only what was asked for, whole or not at all, each stored once. */

import { createHash } from 'node:crypto';
import { createWriteStream, existsSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fromBase64url, openSigned, signDocument } from '@cloud-steg/envelope';
import {
  AppError,
  CARRIER_FILE_BYTES_MAX,
  type DeliveryId,
  DeliveryManifest,
  type DeliveryReceipt,
  type GrantId,
  parseJson,
  Signed,
  type Username,
} from '@cloud-steg/protocol';
import type { Contact } from './contacts.ts';
import { PRIVATE_FILE_MODE, PRIVATE_FOLDER_MODE, syncFolder } from './durable-file.ts';
import type { Peer } from './peer.ts';
import type { Row } from './peer-database.ts';
import { askedFor } from './requests.ts';

export interface ReceivedImage {
  /** Full path. The file is gone once the views are. */
  readonly file: string;
  readonly owner: Username;
  readonly grant: GrantId;
  readonly imageName: string;
  /** As granted; `grants` tells what is left. */
  readonly views: number;
  readonly bytes: number;
  readonly receivedAt: number;
}

/**
 * Stores a delivery and answers with a signed receipt. Checked before a byte is read: signature, names, that it was asked
 * for, size. Throws `auth/...`, `delivery/...`, `input/too-large`.
 */
export async function receiveDelivery(
  peer: Peer,
  deliveryId: DeliveryId,
  manifestHeader: string,
  sender: Contact,
  body: Readable,
): Promise<Signed> {
  const signed = parseJson(
    Signed,
    Buffer.from(fromBase64url(manifestHeader)).toString(),
    'delivery manifest',
  );
  const manifest = openSigned(DeliveryManifest, 'delivery', sender.ed25519, signed);
  if (
    manifest.deliveryId !== deliveryId ||
    manifest.from !== sender.username ||
    manifest.to !== peer.username
  ) {
    throw new AppError('auth/forbidden', 'the manifest names another delivery, sender or recipient');
  }
  const stored = peer.database.get(
    'SELECT manifest, receipt FROM received WHERE delivery_id = ?',
    deliveryId,
  );
  if (stored) {
    if (stored['manifest'] !== JSON.stringify(signed)) {
      throw new AppError(
        'delivery/conflict',
        `delivery ${deliveryId} was received before with other content`,
      );
    }
    return parseJson(Signed, String(stored['receipt']), 'stored receipt');
  }
  if (!askedFor(peer, sender.username, manifest.requestId)) {
    throw new AppError(
      'delivery/not-asked-for',
      `${peer.username} has not asked ${sender.username} for this picture`,
    );
  }
  if (manifest.bytes > CARRIER_FILE_BYTES_MAX) {
    throw new AppError(
      'input/too-large',
      `a carrier of ${manifest.bytes} bytes; at most ${CARRIER_FILE_BYTES_MAX} are accepted`,
    );
  }
  const part = peer.directory.partFile(peer.username, deliveryId);
  try {
    await storePart(part, manifest, body);
    return await keep(peer, part, manifest, signed);
  } finally {
    await rm(part, { force: true });
  }
}

/** Streams into `part`, flushed to disk, if exactly the announced bytes arrive. */
async function storePart(part: string, manifest: DeliveryManifest, body: Readable): Promise<void> {
  await mkdir(dirname(part), { recursive: true, mode: PRIVATE_FOLDER_MODE });
  const hash = createHash('sha256');
  let length = 0;
  await pipeline(
    body,
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        length += chunk.length;
        if (length > manifest.bytes) {
          throw new AppError('input/too-large', `more than the announced ${manifest.bytes} bytes were sent`);
        }
        hash.update(chunk);
        yield chunk;
      }
    },
    createWriteStream(part, { mode: PRIVATE_FILE_MODE }),
  );
  if (length !== manifest.bytes || hash.digest('hex') !== manifest.sha256) {
    throw new AppError(
      'delivery/damaged',
      `${length} of ${manifest.bytes} bytes arrived, or not the announced ones`,
      {
        hint: 'send it again',
      },
    );
  }
  const file = await open(part, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function keep(peer: Peer, part: string, manifest: DeliveryManifest, signed: Signed): Promise<Signed> {
  const folder = peer.directory.carriers(peer.username);
  await mkdir(folder, { recursive: true, mode: PRIVATE_FOLDER_MODE });
  let stamp = peer.ports.now();
  while (existsSync(carrierPath(folder, stamp))) stamp++;
  const file = carrierPath(folder, stamp);
  await rename(part, file);
  await syncFolder(folder);
  const receipt: DeliveryReceipt = {
    v: 1,
    deliveryId: manifest.deliveryId,
    sha256: manifest.sha256,
    to: peer.username,
    at: peer.ports.now(),
  };
  const signedReceipt = signDocument(peer.profile.identity.signing, 'delivery-receipt', receipt);
  peer.database.transaction(() => {
    peer.database.run(
      `INSERT INTO received (file, delivery_id, owner, grant_id, image_name, views, bytes, received_at, manifest, receipt)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      file,
      manifest.deliveryId,
      manifest.from,
      manifest.grant,
      manifest.imageName,
      manifest.views,
      manifest.bytes,
      stamp,
      JSON.stringify(signed),
      JSON.stringify(signedReceipt),
    );
    peer.database.run(`UPDATE request_out SET state = 'approved' WHERE id = ?`, manifest.requestId);
  });
  return signedReceipt;
}

function carrierPath(folder: string, stamp: number): string {
  return join(folder, `received_image_${stamp}.png`);
}

/** Carriers that are still here, oldest first. */
export function listReceived(peer: Peer): ReceivedImage[] {
  return peer.database
    .all('SELECT * FROM received ORDER BY received_at, file')
    .map(receivedOf)
    .filter(({ file }) => existsSync(file));
}

/** What is known of a carrier by its path. */
export function receivedAt(peer: Peer, file: string): ReceivedImage | undefined {
  const row = peer.database.get('SELECT * FROM received WHERE file = ?', file);
  return row && receivedOf(row);
}

function receivedOf(row: Row): ReceivedImage {
  return {
    file: String(row['file']),
    owner: row['owner'] as Username,
    grant: row['grant_id'] as GrantId,
    imageName: String(row['image_name']),
    views: Number(row['views']),
    bytes: Number(row['bytes']),
    receivedAt: Number(row['received_at']),
  };
}
