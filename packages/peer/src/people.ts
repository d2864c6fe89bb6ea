/** Who is there: the cluster's users as this peer sees them, their keys checked against its contacts. */

import { existsSync } from 'node:fs';
import { sha256Hex } from '@cloud-steg/envelope';
import {
  type Address,
  AppError,
  OnlinePage,
  PAGE_MAX,
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

/** A user by name, pinned. Throws `identity/unknown`, `identity/changed`, `cluster/...`. */
export async function findPerson(peer: Peer, username: Username): Promise<Person> {
  const view = await peer.cluster.call({ method: 'GET', path: `/users/${username}`, answer: UserView });
  return {
    contact: peer.contacts.remember(username, view.identity),
    addresses: view.addresses,
    images: view.images,
    online: view.online,
  };
}

export interface OnlineUser extends UserView {
  /** Where each picture's preview was saved, in the order of `images`. */
  readonly previewFiles: readonly string[];
}

/** Everyone online, previews saved under the data directory. Needs no identity. */
export async function listOnline(cluster: ClusterClient, directory: DataDirectory): Promise<OnlineUser[]> {
  const users: OnlineUser[] = [];
  let after: string | undefined;
  do {
    const query = new URLSearchParams({ limit: String(PAGE_MAX), ...(after !== undefined && { after }) });
    const page: OnlinePage = await cluster.call({
      method: 'GET',
      path: `/discovery/online?${query.toString()}`,
      answer: OnlinePage,
    });
    for (const user of page.users) {
      const previewFiles = [];
      for (const image of user.images)
        previewFiles.push(await savePreview(cluster, directory, image.preview));
      users.push({ ...user, previewFiles });
    }
    after = page.next;
  } while (after !== undefined);
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
