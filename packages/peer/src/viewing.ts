/**
 * Opening a carrier. Order is everything here: refuse what can be refused before a view is spent; journal before
 * asking; close the view before the first pixel; and never lose a picture to what comes after it.
 */

import { readFile, rm, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import {
  contentKey,
  fromBase64url,
  type Header,
  keyPairFromSeed,
  type OriginalFile,
  openBody,
  openShare,
  type PairKey,
  pairKey,
  sha256Hex,
  signDocument,
  toBase64url,
  toHex,
  unwrapShare,
} from '@cloud-steg/envelope';
import {
  AppError,
  CARRIER_FILE_BYTES_MAX,
  CloseViewAnswer,
  type GrantPhase,
  type GrantView,
  OpenViewAnswer,
  type Username,
  VIEW_OPEN_MS,
  type ViewId,
  type ViewReceipt,
} from '@cloud-steg/protocol';
import type { FoundCarrier } from './carrier.ts';
import type { Contact } from './contacts.ts';
import { writeFileDurably } from './durable-file.ts';
import { type CheckedGrant, checkGrant, fetchGrant } from './grants.ts';
import type { Peer } from './peer.ts';
import { receivedAt } from './receiving.ts';

/** A carrier that opened for this user, before anything was spent. */
export interface Inspection {
  readonly file: string;
  readonly owner: Username;
  /** This user, unless the carrier is one they made themselves. */
  readonly allowed: Username;
  readonly header: Header;
  readonly width: number;
  readonly height: number;
  readonly payloadBytes: number;
}

interface Opened extends Inspection {
  readonly png: Uint8Array;
  readonly pair: PairKey;
  readonly contact: Contact;
  readonly found: FoundCarrier;
}

/** How a picture is shown. `check` throws while nothing is spent; `show` has the picture in hand. */
export interface Display {
  check(about: { allowSave: boolean; imageName: string }): void;
  show(picture: OriginalFile): Promise<void>;
}

export interface ViewResult {
  readonly owner: Username;
  readonly imageName: string;
  readonly mediaType: string;
  readonly bytes: number;
  /** Which view this was, from 1, of how many. */
  readonly n: number;
  readonly views: number;
  readonly left: number;
  /** `active` while it may be opened again; else why not. */
  readonly phase: GrantPhase;
  /** True when it can't be opened again, so that the carrier is gone. */
  readonly deleted: boolean;
}

/** Reads a carrier's header without spending anything. Throws `carrier/...`. */
export async function inspectCarrier(peer: Peer, path: string): Promise<Inspection> {
  const { file, owner, allowed, header, width, height, payloadBytes } = await openCarrier(peer, path);
  return { file, owner, allowed, header, width, height, payloadBytes };
}

/**
 * Spends one view, shows the picture, updates the carrier. Throws `carrier/...` and `grant/...` with nothing spent;
 * a cluster that can't be reached is `cluster/...`, and trying again later costs no second view.
 */
export async function viewImage(peer: Peer, path: string, display: Display): Promise<ViewResult> {
  const opened = await openCarrier(peer, path);
  if (opened.allowed !== peer.username) {
    throw new AppError(
      'carrier/not-for-you',
      `${opened.file} is for ${opened.allowed}; you sent it yourself`,
      {
        hint: 'your own pictures need no opening',
      },
    );
  }
  const checked = await fetchOpenGrant(peer, opened);
  display.check({ allowSave: checked.terms.creation.allowSave, imageName: checked.terms.creation.imageName });

  const { answer, picture, viewId } = await spend(peer, opened, checked);
  const grant = await close(peer, opened, viewId, answer.n);
  try {
    await display.show(picture);
  } finally {
    await settleCarrier(peer, opened, grant);
  }
  return {
    owner: opened.owner,
    imageName: picture.name,
    mediaType: picture.mediaType,
    bytes: picture.bytes.length,
    n: answer.n,
    views: grant.views,
    left: grant.left,
    phase: grant.phase,
    deleted: grant.phase !== 'active',
  };
}

/** Finds the file and the header in it that one of this user's contacts could have sealed. */
async function openCarrier(peer: Peer, path: string): Promise<Opened> {
  const file = peer.directory.findCarrier(peer.username, path);
  if (file === undefined) throw await missing(peer, path);
  const size = (await stat(file)).size;
  if (size === 0 || size > CARRIER_FILE_BYTES_MAX) {
    throw new AppError(
      'carrier/not-png',
      `${file} has ${size} bytes; a carrier has 1 to ${CARRIER_FILE_BYTES_MAX}`,
    );
  }
  const png = new Uint8Array(await readFile(file));
  const contacts = likeliestFirst(peer, file);
  const agreement = peer.profile.identity.agreement;
  const received = contacts.map((contact) => ({
    contact,
    pair: pairKey(agreement, contact.x25519, contact.username, peer.username),
  }));
  const made = contacts.map((contact) => ({
    contact,
    pair: pairKey(agreement, contact.x25519, peer.username, contact.username),
  }));
  const candidates = [...received, ...made];
  const found = await peer.ports.engine.find(
    png,
    basename(file),
    candidates.map(({ pair }) => pair),
  );
  const match = found && candidates[found.candidate];
  if (!found || !match) throw notFor(peer, file);
  const { header } = found;
  if (header.owner !== match.pair.owner || header.allowed !== match.pair.recipient) {
    throw new AppError(
      'grant/mismatch',
      `the header of ${file} names ${header.owner} and ${header.allowed}, its seal others`,
    );
  }
  return {
    file,
    png,
    found,
    header,
    owner: match.pair.owner,
    allowed: match.pair.recipient,
    contact: match.contact,
    pair: match.pair,
    width: found.width,
    height: found.height,
    payloadBytes: header.bodyBytes,
  };
}

/** All contacts: who sent this very file, then who was asked or has sent something, then the rest. Each costs a search of the carrier. */
function likeliestFirst(peer: Peer, file: string): Contact[] {
  const sender = receivedAt(peer, file)?.owner;
  const owners = new Set(
    peer.database
      .all('SELECT owner FROM received UNION SELECT owner FROM request_out')
      .map((row) => row['owner']),
  );
  const rank = ({ username }: Contact) => (username === sender ? 0 : owners.has(username) ? 1 : 2);
  return peer.contacts.all().sort((a, b) => rank(a) - rank(b));
}

/** Why there is no such file: its grant has ended and took it along, or it never was here. */
async function missing(peer: Peer, path: string): Promise<AppError> {
  const places = peer.directory.carrierPlaces(peer.username, path);
  const record = places.map((place) => receivedAt(peer, place)).find((found) => found !== undefined);
  const contact = record && peer.contacts.byName(record.owner);
  if (contact) {
    const grant = await fetchGrant(peer, record.grant, contact.ed25519).catch(() => undefined);
    if (grant && grant.view.phase !== 'active') return ended(grant.view.phase, record, grant.view);
  }
  return new AppError('carrier/not-found', `no file ${path}`, {
    hint: 'see what you have with: p2p-client list-received-images (a carrier is deleted at its last view)',
  });
}

function notFor(peer: Peer, file: string): AppError {
  const received = receivedAt(peer, file);
  if (received) {
    return new AppError(
      'carrier/damaged',
      `${file} came from ${received.owner}, but its header no longer opens`,
      {
        hint: `it was changed since it arrived: ask ${received.owner} to send it again`,
      },
    );
  }
  return new AppError(
    'carrier/not-for-you',
    `nothing in ${file} opens for ${peer.username}: not for you, damaged, or no carrier`,
    {
      hint: 'nothing was spent; open the PNG exactly as it was delivered to you',
    },
  );
}

/** The grant behind a carrier, checked to be this carrier's and still open. Costs nothing. */
async function fetchOpenGrant(peer: Peer, opened: Opened): Promise<CheckedGrant> {
  const checked = await fetchGrant(peer, opened.header.grant, opened.contact.ed25519);
  const { terms, view } = checked;
  if (terms.creation.recipient !== peer.username || terms.creation.owner !== opened.owner) {
    throw new AppError('grant/mismatch', 'the grant behind this carrier names other people');
  }
  if (terms.creation.contentSha256 !== opened.found.contentSha256) {
    throw new AppError('carrier/damaged', `the body of ${opened.file} is not what ${opened.owner} sent`, {
      hint: `it was damaged or forged; no view was spent: ask ${opened.owner} to send it again`,
    });
  }
  const journaled = peer.database.get('SELECT view_id FROM view_journal WHERE grant_id = ?', view.id);
  // A view already paid for may still be opened.
  if (view.phase !== 'active' && !journaled) throw ended(view.phase, opened, view);
  return checked;
}

function ended(
  phase: Exclude<GrantPhase, 'active'>,
  { owner }: { readonly owner: Username },
  view: GrantView,
): AppError {
  switch (phase) {
    case 'exhausted':
      return new AppError('grant/exhausted', `no views left: all ${view.views} were used`, {
        hint: `ask ${owner} for it again; copying or restoring the file does not bring views back`,
      });
    case 'expired':
      return new AppError(
        'grant/expired',
        `this picture expired ${new Date(view.expiresAt ?? 0).toISOString()}`,
        {
          hint: `ask ${owner} for it again`,
        },
      );
    case 'revoked':
      return new AppError('grant/revoked', `${owner} has revoked this picture`, {
        hint: `ask ${owner} for it again`,
      });
  }
}

/** Journals, asks, and opens. A view that was begun and never closed is taken up again instead of a new one. */
async function spend(peer: Peer, opened: Opened, checked: CheckedGrant) {
  const { database, profile } = peer;
  const id = opened.header.grant;
  const { viewId, key } = beginView(peer, id);
  let answer: OpenViewAnswer;
  try {
    answer = await peer.cluster.call({
      method: 'POST',
      path: `/grants/${id}/views`,
      body: { viewId, key: key.publicKey },
      as: peer.caller,
      answer: OpenViewAnswer,
    });
  } catch (error) {
    // Refused for good: this view will never be answered. Anything else may have been counted, so it stays journaled.
    if (error instanceof AppError && isFinal(error)) {
      database.run('DELETE FROM view_journal WHERE view_id = ?', viewId);
    }
    throw error;
  }
  checkGrant(answer.grant, id, opened.contact.ed25519);
  const sealedShare = await unwrapShare(
    key,
    { grant: id, viewId, n: answer.n },
    fromBase64url(answer.wrappedShare),
  );
  if (sha256Hex(sealedShare) !== checked.terms.creation.shareSha256) {
    throw new AppError(
      'grant/mismatch',
      'the cluster handed out another key share than the owner left there',
    );
  }
  const share = await openShare(profile.identity.agreement, id, sealedShare);
  const { header, found } = opened;
  const context = {
    width: found.width,
    height: found.height,
    profile: header.profile,
    fileId: header.fileId,
  };
  const picture = openBody(contentKey(header.carrierKey, share, id), context, found.ciphertext);
  return { answer, picture, viewId };
}

/** The cluster looks a view up by its id first, so these mean that it was not counted, or is over. */
function isFinal({ code }: AppError): boolean {
  return /^(grant|view|operation)\//.test(code) || code === 'auth/forbidden';
}

function beginView(peer: Peer, grant: string): { viewId: ViewId; key: ReturnType<typeof keyPairFromSeed> } {
  const { database, ports } = peer;
  return database.transaction(() => {
    database.run('DELETE FROM view_journal WHERE begun_at < ?', ports.now() - VIEW_OPEN_MS);
    const begun = database.get('SELECT * FROM view_journal WHERE grant_id = ?', grant);
    const viewId = (begun?.['view_id'] ?? toHex(ports.random(16))) as ViewId;
    const seed = begun ? fromBase64url(String(begun['key_seed'])) : ports.random(32);
    if (!begun) {
      database.run(
        'INSERT INTO view_journal (view_id, grant_id, key_seed, begun_at) VALUES (?, ?, ?, ?)',
        viewId,
        grant,
        toBase64url(seed),
        ports.now(),
      );
    }
    return { viewId, key: keyPairFromSeed('X25519', seed) };
  });
}

/** Ends the view before anything is shown; the nonce lives in this process only, so a restored journal gains nothing. */
async function close(peer: Peer, opened: Opened, viewId: ViewId, n: number): Promise<GrantView> {
  const id = opened.header.grant;
  const receipt: ViewReceipt = { v: 1, grant: id, viewId, n, viewer: peer.username, at: peer.ports.now() };
  const { grant } = await peer.cluster.call({
    method: 'POST',
    path: `/grants/${id}/views/${viewId}/close`,
    body: {
      nonce: toHex(peer.ports.random(16)),
      receipt: signDocument(peer.profile.identity.signing, 'view-receipt', receipt),
    },
    as: peer.caller,
    answer: CloseViewAnswer,
  });
  peer.database.run('DELETE FROM view_journal WHERE view_id = ?', viewId);
  checkGrant(grant, id, opened.contact.ed25519);
  return grant;
}

/** Writes what is left into the carrier, or deletes it once it can't be opened again. A failure here loses nothing: the cluster counts. */
async function settleCarrier(peer: Peer, opened: Opened, grant: GrantView): Promise<void> {
  try {
    if (grant.phase !== 'active') {
      await rm(opened.file, { force: true });
      return;
    }
    const header: Header = {
      ...opened.header,
      viewsRemaining: grant.left,
      viewsGranted: grant.views,
      expiresAt: grant.expiresAt,
    };
    const png = await peer.ports.engine.rewrite(opened.png, basename(opened.file), opened.pair, header);
    await writeFileDurably(opened.file, png);
  } catch (error) {
    peer.ports.log('warn', 'carrier-not-updated', { file: opened.file, error: String(error) });
  }
}
