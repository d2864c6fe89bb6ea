/** `register`: keys, previews, originals, and the name at the cluster. */

import { rm } from 'node:fs/promises';
import {
  fingerprint,
  generateIdentity,
  issueIdentityRecord,
  openCosignedIdentity,
} from '@cloud-steg/envelope';
import { type Address, AppError, type PublicKey, RegisterAnswer, type Username } from '@cloud-steg/protocol';
import { advertisedAddresses } from './addresses.ts';
import { ClusterClient } from './cluster-client.ts';
import { DataDirectory } from './data-directory.ts';
import { createProfile, loadProfile, type Profile, saveProfile } from './identity-file.ts';
import { addImages, type LibraryImage, publicLibrary } from './image-library.ts';
import { assemblePeer, type Peer } from './peer.ts';
import { type OriginalPicture, readOriginal } from './picture-codec.ts';
import type { PeerPorts } from './ports.ts';

export interface RegisterOptions {
  readonly dataDir: string;
  readonly username: Username;
  readonly address: Address;
  readonly imagePaths: readonly string[];
  readonly servers: readonly string[];
}

export interface Registration {
  readonly username: Username;
  /** False when this user was registered before and has been updated. */
  readonly created: boolean;
  readonly fingerprint: string;
  readonly images: readonly LibraryImage[];
  readonly leaderUrl: string | undefined;
}

/** How often another process of the same user may come first. */
const ATTEMPTS_MAX = 5;

/**
 * Registers, or registers again with the same key. Pictures are all checked before anything is made, and keys are on disk
 * before the name is taken, so that a name is never bound to a lost key.
 */
export async function register(ports: PeerPorts, options: RegisterOptions): Promise<Registration> {
  const pictures = [];
  for (const path of options.imagePaths) pictures.push(await readOriginal(path));

  const directory = new DataDirectory(options.dataDir);
  const before = await loadProfile(directory, options.username);
  const cluster = new ClusterClient(options.servers, before?.clusterKey, ports);
  const clusterKey = await cluster.clusterKey();
  const known = before ?? (await createProfile(directory, freshProfile(ports, options, cluster, clusterKey)));
  for (let attempt = 1; ; attempt++) {
    // The clock keeps it rising past a reply that was lost.
    const seq = Math.max(known.seq + 1, ports.now());
    const profile: Profile = { ...known, seq, servers: cluster.servers, address: options.address };
    try {
      return await registerAs(assemblePeer(ports, directory, profile, cluster.servers), pictures);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      // Another process registers the same user just now: after it, then.
      if (error.code === 'identity/stale' && attempt < ATTEMPTS_MAX) continue;
      if (error.code !== 'identity/exists') throw error;
      if (!before) await forgetUser(directory, profile);
      throw new AppError('identity/exists', `the name ${options.username} belongs to somebody else's key`, {
        cause: error,
        hint: 'choose another name; if it is yours, restore the data directory that holds its key',
      });
    }
  }
}

async function registerAs(peer: Peer, pictures: readonly OriginalPicture[]): Promise<Registration> {
  const { profile, ports } = peer;
  try {
    const images = await addImages(peer, pictures);
    const answer = await peer.cluster.call({
      method: 'POST',
      path: '/register',
      as: peer.caller,
      body: {
        identity: issueIdentityRecord(profile.identity, profile.username, profile.seq, ports.now()),
        addresses: advertisedAddresses(profile.address),
        ...publicLibrary(peer.database),
      },
      answer: RegisterAnswer,
    });
    openCosignedIdentity(profile.clusterKey, answer.identity);
    await saveProfile(peer.directory, profile);
    return {
      username: profile.username,
      created: answer.created,
      fingerprint: fingerprint(profile.identity.signing.publicKey),
      images,
      leaderUrl: peer.cluster.leaderUrl,
    };
  } finally {
    peer.close();
  }
}

function freshProfile(
  ports: PeerPorts,
  options: RegisterOptions,
  cluster: ClusterClient,
  clusterKey: PublicKey,
): Profile {
  return {
    username: options.username,
    identity: generateIdentity(ports.random),
    seq: 1,
    clusterKey,
    servers: cluster.servers,
    address: options.address,
  };
}

/** Removes what a refused first registration has made; not if another process has made it its own meanwhile. */
async function forgetUser(directory: DataDirectory, profile: Profile): Promise<void> {
  const now = await loadProfile(directory, profile.username);
  if (now?.identity.signing.publicKey !== profile.identity.signing.publicKey) return;
  await rm(directory.peer(profile.username), { recursive: true, force: true });
  await rm(directory.originals(profile.username), { recursive: true, force: true });
}
