/** Files that are whole or absent: temp file, fsync, rename, fsync of the folder. */

import { randomUUID } from 'node:crypto';
import { link, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Permissions of whatever holds keys or pictures: the user's alone. */
export const PRIVATE_FILE_MODE = 0o600;
export const PRIVATE_FOLDER_MODE = 0o700;

/** Replaces `path` by `bytes`, or leaves it as it was. Makes the folder. */
export async function writeFileDurably(
  path: string,
  bytes: Uint8Array | string,
  mode = PRIVATE_FILE_MODE,
): Promise<void> {
  await throughTemporary(path, bytes, mode, (temporary) => rename(temporary, path));
}

/** Makes `path` if there is none; false, with nothing changed, if there is. Makes the folder. */
export async function createFileDurably(
  path: string,
  bytes: Uint8Array | string,
  mode = PRIVATE_FILE_MODE,
): Promise<boolean> {
  try {
    // A link, unlike a rename, fails where something stands already.
    await throughTemporary(path, bytes, mode, (temporary) => link(temporary, path));
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Writes and flushes a temporary file beside `path`, has it put in place, and flushes the folder. */
async function throughTemporary(
  path: string,
  bytes: Uint8Array | string,
  mode: number,
  putInPlace: (temporary: string) => Promise<void>,
): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: PRIVATE_FOLDER_MODE });
  const temporary = join(folder, `.${randomUUID()}.tmp`);
  try {
    const file = await open(temporary, 'wx', mode);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await putInPlace(temporary);
  } finally {
    await rm(temporary, { force: true });
  }
  await syncFolder(folder);
}

/** Makes a rename in `folder` survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  // Windows can't open folders; its renames are durable once the file is.
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
