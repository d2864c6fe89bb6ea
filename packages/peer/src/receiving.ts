/** Carriers that arrive: only what was asked for, whole or not at all, each stored once. */

import { createHash } from 'node:crypto';
import { createWriteStream, existsSync, readdirSync, rmSync } from 'node:fs';
import { link, mkdir, open, rm } from 'node:fs/promises';
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

/** What became of a delivery. */
export interface Delivered {
  /** The recipient's signed `DeliveryReceipt`. */
  readonly receipt: Signed;
  /** Undefined when this very delivery had been stored before. */
  readonly stored: ReceivedImage | undefined;
}

/**
 * Stores a delivery, one for each request, and answers with a signed receipt; the same one again is only acknowledged.
 * Checked before a byte is read: signature, names, that it was asked for, size. Throws `auth/...`, `delivery/...`,
 * `input/too-large`.
 */
export async function receiveDelivery(
  peer: Peer,
  deliveryId: DeliveryId,
  manifestHeader: string,
  sender: Contact,
  body: Readable,
): Promise<Delivered> {
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
    return { receipt: parseJson(Signed, String(stored['receipt']), 'stored receipt'), stored: undefined };
  }
  if (!askedFor(peer, sender.username, manifest.requestId)) throw notAskedFor(peer, manifest);
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

function notAskedFor(peer: Peer, { from }: DeliveryManifest): AppError {
  return new AppError(
    'delivery/not-asked-for',
    `${peer.username} has not asked ${from} for this picture, or has it already`,
  );
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

/** Moves a whole `part` to its place and records it, unless another delivery has answered the request meanwhile. */
async function keep(
  peer: Peer,
  part: string,
  manifest: DeliveryManifest,
  signed: Signed,
): Promise<Delivered> {
  const { file, stamp } = await placeCarrier(peer, part);
  const document: DeliveryReceipt = {
    v: 1,
    deliveryId: manifest.deliveryId,
    sha256: manifest.sha256,
    to: peer.username,
    at: peer.ports.now(),
  };
  const receipt = signDocument(peer.profile.identity.signing, 'delivery-receipt', document);
  try {
    peer.database.transaction(() => {
      const answered = peer.database.run(
        `UPDATE request_out SET state = 'approved' WHERE id = ? AND state = 'pending'`,
        manifest.requestId,
      );
      if (answered === 0) throw notAskedFor(peer, manifest);
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
        JSON.stringify(receipt),
      );
    });
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  }
  return { receipt, stored: receivedAt(peer, file) };
}

/** Gives `part` the name of this millisecond, or of the next one that no carrier has or had. */
async function placeCarrier(peer: Peer, part: string): Promise<{ file: string; stamp: number }> {
  const folder = peer.directory.carriers(peer.username);
  await mkdir(folder, { recursive: true, mode: PRIVATE_FOLDER_MODE });
  for (let stamp = peer.ports.now(); ; stamp++) {
    const file = carrierPath(folder, stamp);
    if (receivedAt(peer, file) || !(await linkIfAbsent(part, file))) continue;
    await rm(part);
    await syncFolder(folder);
    return { file, stamp };
  }
}

/** A second name for a file, unless that name is taken: unlike a rename, it replaces nothing. */
async function linkIfAbsent(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Deletes what deliveries that never ended have left behind. At once, so that a server which has just bound its port can call
 * it before the first delivery arrives.
 */
export function sweepUnfinished(peer: Peer): void {
  const folder = peer.directory.incoming(peer.username);
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    if (name.endsWith('.part')) rmSync(join(folder, name), { force: true });
  }
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
