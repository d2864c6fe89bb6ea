/** A user's side, opened: profile, records, contacts and the way to the cluster. */

import { type CertificatePair, makeCertificate } from '@cloud-steg/envelope';
import { AppError, type Username } from '@cloud-steg/protocol';
import { type Caller, ClusterClient } from './cluster-client.ts';
import { Contacts } from './contacts.ts';
import { DataDirectory } from './data-directory.ts';
import { loadProfile, type Profile } from './identity-file.ts';
import { PeerDatabase } from './peer-database.ts';
import type { PeerPorts } from './ports.ts';

export interface Peer {
  readonly directory: DataDirectory;
  readonly profile: Profile;
  readonly username: Username;
  readonly caller: Caller;
  readonly database: PeerDatabase;
  readonly contacts: Contacts;
  readonly cluster: ClusterClient;
  readonly ports: PeerPorts;
  /** What this peer shows on a TLS connection; made once a process. */
  certificate(): Promise<CertificatePair>;
  close(): void;
}

export interface OpenPeerOptions {
  readonly dataDir: string;
  readonly username: Username;
  /** Instead of the servers named at registration. */
  readonly servers?: readonly string[];
}

/** Throws `identity/none-here` when this user never registered on this machine. */
export async function openPeer(ports: PeerPorts, options: OpenPeerOptions): Promise<Peer> {
  const directory = new DataDirectory(options.dataDir);
  const profile = await loadProfile(directory, options.username);
  if (!profile) {
    throw new AppError('identity/none-here', `${options.username} has no identity in ${directory.root}`);
  }
  return assemblePeer(ports, directory, profile, options.servers ?? profile.servers);
}

export function assemblePeer(
  ports: PeerPorts,
  directory: DataDirectory,
  profile: Profile,
  servers: readonly string[],
): Peer {
  const { username, identity, clusterKey } = profile;
  const database = new PeerDatabase(directory.databaseFile(username));
  let certificate: Promise<CertificatePair> | undefined;
  return {
    directory,
    profile,
    username,
    caller: { username, identity },
    database,
    contacts: new Contacts(database, clusterKey, ports.now),
    cluster: new ClusterClient(servers, clusterKey, ports),
    ports,
    certificate: () => {
      certificate ??= makeCertificate(identity.signing, ports.random(8), ports.now());
      return certificate;
    },
    close: () => database.close(),
  };
}
