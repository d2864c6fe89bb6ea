/** The user's secret keys and profile on disk: one file, mode 0600. */

import { readFile } from 'node:fs/promises';
import { fromBase64url, type Identity, keyPairFromSeed, seedOf, toBase64url } from '@cloud-steg/envelope';
import { Address, AppError, invariant, PublicKey, parseJson, Username } from '@cloud-steg/protocol';
import * as z from 'zod';
import type { DataDirectory } from './data-directory.ts';
import { createFileDurably, writeFileDurably } from './durable-file.ts';

const Seed = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
const IdentityFile = z.object({
  v: z.literal(1),
  username: Username,
  signingSeed: Seed,
  agreementSeed: Seed,
  /** Newest identity record issued. */
  seq: z.int().positive(),
  /** Pinned at first contact. */
  clusterKey: PublicKey,
  servers: z.array(z.url()).min(1),
  address: Address,
});

/** What a command needs to know to act as a user. */
export interface Profile {
  readonly username: Username;
  readonly identity: Identity;
  readonly seq: number;
  readonly clusterKey: PublicKey;
  readonly servers: readonly string[];
  /** As given at registration. */
  readonly address: Address;
}

/** The profile, or undefined when this user has none here. Throws `store/damaged` for an unreadable file. */
export async function loadProfile(
  directory: DataDirectory,
  username: Username,
): Promise<Profile | undefined> {
  const path = directory.identityFile(username);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new AppError('store/damaged', `cannot read ${path}`, { cause: error });
  }
  try {
    const file = parseJson(IdentityFile, text, path);
    return {
      username: file.username,
      identity: {
        signing: keyPairFromSeed('Ed25519', fromBase64url(file.signingSeed)),
        agreement: keyPairFromSeed('X25519', fromBase64url(file.agreementSeed)),
      },
      seq: file.seq,
      clusterKey: file.clusterKey,
      servers: file.servers,
      address: file.address,
    };
  } catch (cause) {
    throw new AppError('store/damaged', `the identity file ${path} is damaged`, {
      cause,
      hint: 'restore it from your backup; without it nothing sent to this user can be opened',
    });
  }
}

/** Replaces the profile of a user who has one. */
export async function saveProfile(directory: DataDirectory, profile: Profile): Promise<void> {
  await writeFileDurably(directory.identityFile(profile.username), encode(profile));
}

/** Makes a user's first profile and returns it; or the one that another process made first. Never replaces keys. */
export async function createProfile(directory: DataDirectory, profile: Profile): Promise<Profile> {
  const made = await createFileDurably(directory.identityFile(profile.username), encode(profile));
  const stored = made ? profile : await loadProfile(directory, profile.username);
  invariant(stored, 'a profile that exists can be read');
  return stored;
}

function encode(profile: Profile): string {
  const file: z.input<typeof IdentityFile> = {
    v: 1,
    username: profile.username,
    signingSeed: toBase64url(seedOf(profile.identity.signing)),
    agreementSeed: toBase64url(seedOf(profile.identity.agreement)),
    seq: profile.seq,
    clusterKey: profile.clusterKey,
    servers: [...profile.servers],
    address: profile.address,
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}
