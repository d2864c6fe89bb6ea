/** Who is there: the cluster's users as this peer sees them, their keys checked against its contacts. */

import { existsSync } from 'node:fs';
import { sha256Hex } from '@cloud-steg/envelope';
import {
  type Address,
  AppError,
  type CosignedIdentity,
  OnlinePage,
  type PublicImage,
  type Sha256,
  type Username,
  UserView,
} from '@cloud-steg/protocol';
import type { ClusterClient } from './cluster-client.ts';
import type { Contact } from './contacts.ts';
import type { DataDirectory } from './data-directory.ts';
import { writeFileDurably } from './durable-file.ts';
import type { Peer } from './peer.ts';

export interface Person {
  readonly contact: Contact;
  readonly addresses: readonly Address[];
  readonly images: readonly PublicImage[];
  readonly online: boolean;
}

/** Whom the cluster knows by a name; their identity is checked, also against the pinned keys, but not pinned. */
export interface FoundPerson extends Person {
  readonly identity: CosignedIdentity;
}

/** Throws `identity/unknown`, `identity/changed`, `cluster/...`. */
export async function lookUp(peer: Peer, username: Username): Promise<FoundPerson> {
  const view = await peer.cluster.call({ method: 'GET', path: `/users/${username}`, answer: UserView });
  return {
    contact: peer.contacts.check(username, view.identity),
    identity: view.identity,
    addresses: view.addresses,
    images: view.images,
    online: view.online,
  };
}

/** A user by name, pinned. Throws as {@link lookUp} does, and `rate/limited` for one contact too many. */
export async function findPerson(peer: Peer, username: Username): Promise<Person> {
  const person = await lookUp(peer, username);
  peer.contacts.remember(username, person.identity);
  return person;
}

export interface OnlineUser extends UserView {
  /** Where each picture's preview was saved, in the order of `images`; null for one that could not be had. */
  readonly previewFiles: readonly (string | null)[];
}

/** Everyone online, previews saved under the data directory. Needs no identity. */
export async function listOnline(cluster: ClusterClient, directory: DataDirectory): Promise<OnlineUser[]> {
  const users: OnlineUser[] = [];
  for await (const page of cluster.pages({ path: '/discovery/online', answer: OnlinePage })) {
    for (const user of page.users) {
      const previewFiles = await Promise.all(
        user.images.map(({ preview }) => savePreview(cluster, directory, preview).catch(() => null)),
      );
      users.push({ ...user, previewFiles });
    }
  }
  return users;
}

async function savePreview(cluster: ClusterClient, directory: DataDirectory, hash: Sha256): Promise<string> {
  const path = directory.previewFile(hash);
  if (existsSync(path)) return path;
  const bytes = await cluster.bytes(`/previews/${hash}`);
  if (sha256Hex(bytes) !== hash)
    throw new AppError('store/damaged', `the cluster sent another preview than ${hash}`);
  await writeFileDurably(path, bytes);
  return path;
}
