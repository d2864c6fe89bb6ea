/** Where a user's files lie. One place names every path, and only from checked usernames. */

import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, isAbsolute, join, resolve, sep } from 'node:path';
import { type DeliveryId, type ImageId, type Sha256, Username } from '@cloud-steg/protocol';

/** `$XDG_DATA_HOME/cloud-steg`, or the platform's own place for a program's data. */
export function defaultDataDirectory(
  env: NodeJS.ProcessEnv,
  platform: NodeJS.Platform = process.platform,
): string {
  if (env['CLOUD_STEG_DATA_DIR']) return resolve(env['CLOUD_STEG_DATA_DIR']);
  if (env['XDG_DATA_HOME']) return join(env['XDG_DATA_HOME'], 'cloud-steg');
  if (platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'cloud-steg');
  if (platform === 'win32')
    return join(env['LOCALAPPDATA'] ?? join(homedir(), 'AppData', 'Local'), 'cloud-steg');
  return join(homedir(), '.local', 'share', 'cloud-steg');
}

export class DataDirectory {
  readonly root: string;

  constructor(root: string) {
    this.root = resolve(root);
  }

  peer(username: Username): string {
    return join(this.root, 'peers', username);
  }
  identityFile(username: Username): string {
    return join(this.peer(username), 'identity.json');
  }
  databaseFile(username: Username): string {
    return join(this.peer(username), 'peer.db');
  }
  /** Carriers made and not yet delivered. */
  spoolFile(username: Username, delivery: DeliveryId): string {
    return join(this.peer(username), 'outbox', `${delivery}.png`);
  }
  /** Where carriers lie while they arrive. */
  incoming(username: Username): string {
    return join(this.peer(username), 'incoming');
  }
  partFile(username: Username, delivery: DeliveryId): string {
    return join(this.incoming(username), `${delivery}.part`);
  }
  originals(username: Username): string {
    return join(this.root, 'original_images', username);
  }
  originalFile(username: Username, image: ImageId): string {
    return join(this.originals(username), image);
  }
  carriers(username: Username): string {
    return join(this.root, 'encrypted_images', username);
  }
  previewFile(preview: Sha256): string {
    return join(this.root, 'previews', `${preview}.webp`);
  }

  /** Users with an identity on this machine, by name. */
  async users(): Promise<Username[]> {
    const entries = await readdir(join(this.root, 'peers'), { withFileTypes: true }).catch(() => []);
    return entries
      .filter((entry) => entry.isDirectory())
      .flatMap((entry) => Username.safeParse(entry.name).data ?? [])
      .filter((username) => existsSync(this.identityFile(username)))
      .sort();
  }

  /** The carrier a user means by `path`: the first of its places that is there. */
  findCarrier(username: Username, path: string): string | undefined {
    return this.carrierPlaces(username, path).find((place) => existsSync(place));
  }

  /** Where `path` may point: as given, or its tail (`encrypted_images/<user>/<file>`, or a bare file name) under this directory. */
  carrierPlaces(username: Username, path: string): string[] {
    const marker = `encrypted_images${sep}`;
    const at = path.lastIndexOf(marker);
    const places = [resolve(path)];
    if (at >= 0) places.push(join(this.root, path.slice(at)));
    if (!isAbsolute(path)) places.push(join(this.carriers(username), basename(path)));
    return places;
  }
}
