/** The 32 bytes that make servers one cluster. */

import { link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError, KEY_BYTES } from '@cloud-steg/protocol';

/**
 * Reads `DATA_DIR/cluster.secret`, or makes it (mode 0600) where there is none. Of several servers that start
 * at once, one makes it and all read that one's: it appears under its name only when whole and on disk.
 *
 * `storeTerm` tells the highest term ever claimed in the store below `dataDir`, 0 for none; it is asked only where
 * there is no secret. A store with a term had one, which is lost then.
 *
 * Throws `server/state-damaged` where the file is not 32 bytes or was lost, `usage/bad-config` where the directory
 * can't be used, and what `storeTerm` throws.
 */
export async function clusterSecret(
  dataDir: string,
  random: (bytes: number) => Uint8Array,
  storeTerm: () => Promise<number>,
): Promise<Uint8Array> {
  const path = join(dataDir, 'cluster.secret');
  const secret = await readOrMake(dataDir, path, random, storeTerm).catch((cause: Error) => {
    if (cause instanceof AppError) throw cause;
    throw new AppError('usage/bad-config', `DATA_DIR: ${dataDir} cannot be used: ${cause.message}`, {
      cause,
    });
  });
  if (secret.length !== KEY_BYTES) {
    throw new AppError('server/state-damaged', `${path} has ${secret.length} bytes instead of ${KEY_BYTES}`, {
      hint: 'restore it from a backup or another server; a new one would make this another cluster to its users',
    });
  }
  return secret;
}

async function readOrMake(
  dataDir: string,
  path: string,
  random: (bytes: number) => Uint8Array,
  storeTerm: () => Promise<number>,
): Promise<Uint8Array> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const present = await readIfPresent(path);
  if (present) return present;
  const term = await storeTerm();
  if (term === 0) return make(path, random);
  // Perhaps another server has made it meanwhile, and led already.
  const made = await readIfPresent(path);
  if (made) return made;
  throw new AppError('server/state-damaged', `${path} is missing, though the store has seen term ${term}`, {
    hint: 'restore cluster.secret from a backup or another server; a new one would lock every client out',
    data: { path },
  });
}

async function make(path: string, random: (bytes: number) => Uint8Array): Promise<Uint8Array> {
  const draft = `${path}.${Buffer.from(random(8)).toString('hex')}`;
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(random(KEY_BYTES));
    await file.sync();
    // Unlike renaming, linking fails where another server was first.
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  } finally {
    await file.close();
    await rm(draft, { force: true });
  }
  await syncDirectory(dirname(path));
  return new Uint8Array(await readFile(path));
}

async function readIfPresent(path: string): Promise<Uint8Array | undefined> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Makes durable what was linked in `dir`. */
async function syncDirectory(dir: string): Promise<void> {
  const handle = await open(dir);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
