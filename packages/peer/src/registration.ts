/** `register`: keys, previews, originals, and the name at the cluster. */

import { rm } from 'node:fs/promises';
import {
  fingerprint,
  generateIdentity,
  issueIdentityRecord,
  openCosignedIdentity,
} from '@cloud-steg/envelope';
import { type Address, AppError, RegisterAnswer, type Username } from '@cloud-steg/protocol';
import { advertisedAddresses } from './addresses.ts';
import { ClusterClient } from './cluster-client.ts';
import { DataDirectory } from './data-directory.ts';
import { loadProfile, type Profile, saveProfile } from './identity-file.ts';
import { addImages, type LibraryImage, publicLibrary } from './image-library.ts';
import { assemblePeer } from './peer.ts';
import { readOriginal } from './picture-codec.ts';
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

/**
 * Registers, or registers again with the same key. Pictures are all checked before anything is made, and keys are on disk
 * before the name is taken, so that a name is never bound to a lost key.
 */
export async function register(ports: PeerPorts, options: RegisterOptions): Promise<Registration> {
  const pictures = [];
  for (const path of options.imagePaths) pictures.push(await readOriginal(path));

  const directory = new DataDirectory(options.dataDir);
  const known = await loadProfile(directory, options.username);
  const cluster = new ClusterClient(options.servers, known?.clusterKey, ports);
  const clusterKey = await cluster.clusterKey();
  const profile: Profile = {
    username: options.username,
    identity: known?.identity ?? generateIdentity(ports.random),
    seq: (known?.seq ?? 0) + 1,
    clusterKey,
    servers: cluster.servers,
    address: options.address,
  };
  await saveProfile(directory, profile);

  const peer = assemblePeer(ports, directory, profile, cluster.servers);
  try {
    const images = await addImages(peer, pictures);
    const answer = await peer.cluster.call({
      method: 'POST',
      path: '/register',
      as: peer.caller,
      body: {
        identity: issueIdentityRecord(profile.identity, profile.username, profile.seq, ports.now()),
        addresses: advertisedAddresses(options.address),
        ...publicLibrary(peer.database),
      },
      answer: RegisterAnswer,
    });
    openCosignedIdentity(clusterKey, answer.identity);
    return {
      username: profile.username,
      created: answer.created,
      fingerprint: fingerprint(profile.identity.signing.publicKey),
      images,
      leaderUrl: peer.cluster.leaderUrl,
    };
  } catch (error) {
    if (error instanceof AppError && error.code === 'identity/exists') {
      if (!known) await forgetUser(directory, options.username);
      throw new AppError('identity/exists', `the name ${options.username} belongs to somebody else's key`, {
        cause: error,
        hint: 'choose another name; if it is yours, restore the data directory that holds its key',
      });
    }
    throw error;
  } finally {
    peer.close();
  }
}

/** Removes what a refused first registration has made. */
async function forgetUser(directory: DataDirectory, username: Username): Promise<void> {
  await rm(directory.peer(username), { recursive: true, force: true });
  await rm(directory.originals(username), { recursive: true, force: true });
}
