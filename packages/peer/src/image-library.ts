/** The pictures a user offers. Ids are random; the index shown is a position that never changes. */

import { readFile } from 'node:fs/promises';
import { sha256Hex, toBase64url, toHex } from '@cloud-steg/envelope';
import type { Username } from '@cloud-steg/protocol';
import { AppError, IMAGES_PER_USER_MAX, ImageId, type PublicImage, Sha256 } from '@cloud-steg/protocol';
import type { DataDirectory } from './data-directory.ts';
import { writeFileDurably } from './durable-file.ts';
import type { PeerDatabase, Row } from './peer-database.ts';
import type { OriginalPicture } from './picture-codec.ts';
import type { PeerPorts } from './ports.ts';

export interface LibraryImage {
  readonly id: ImageId;
  /** Position, from 0. */
  readonly index: number;
  readonly name: string;
  readonly mediaType: string;
  readonly width: number;
  readonly height: number;
  readonly bytes: number;
  readonly preview: Sha256;
}

interface LibraryPlace {
  readonly directory: DataDirectory;
  readonly database: PeerDatabase;
  readonly username: Username;
  readonly ports: Pick<PeerPorts, 'now' | 'random'>;
}

/**
 * Stores pictures, each once: the same bytes keep their id and index. Files first, then their records, so that
 * a record never names a file that isn't there. Throws `image/too-many`.
 */
export async function addImages(
  place: LibraryPlace,
  pictures: readonly OriginalPicture[],
): Promise<LibraryImage[]> {
  const fresh: { id: ImageId; picture: OriginalPicture; sha256: Sha256 }[] = [];
  for (const picture of pictures) {
    const sha256 = sha256Hex(picture.bytes);
    const known = place.database.get('SELECT id FROM image WHERE sha256 = ?', sha256);
    if (known || fresh.some((other) => other.sha256 === sha256)) continue;
    const id = toHex(place.ports.random(16)) as ImageId;
    fresh.push({ id, picture, sha256 });
  }
  const total = listImages(place.database).length + fresh.length;
  if (total > IMAGES_PER_USER_MAX) {
    throw new AppError('image/too-many', `${total} pictures, at most ${IMAGES_PER_USER_MAX} can be offered`, {
      hint: 'register fewer pictures',
    });
  }
  for (const { id, picture } of fresh) {
    await writeFileDurably(place.directory.originalFile(place.username, id), picture.bytes);
  }
  place.database.transaction(() => {
    for (const { id, picture, sha256 } of fresh) {
      place.database.run(
        `INSERT INTO image (id, position, name, media_type, width, height, bytes, sha256, preview_sha256, preview, added_at)
         VALUES (?, (SELECT COUNT(*) FROM image), ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (sha256) DO NOTHING`,
        id,
        picture.name,
        picture.mediaType,
        picture.width,
        picture.height,
        picture.bytes.length,
        sha256,
        sha256Hex(picture.preview),
        picture.preview,
        place.ports.now(),
      );
    }
  });
  return listImages(place.database);
}

export function listImages(database: PeerDatabase): LibraryImage[] {
  return database.all('SELECT * FROM image ORDER BY position').map(imageOf);
}

/** Throws `image/no-such-index`, naming how many there are. */
export function imageAt(database: PeerDatabase, index: number): LibraryImage {
  const images = listImages(database);
  const image = images[index];
  if (image) return image;
  const range =
    images.length === 0 ? 'there are none' : `there are ${images.length}, from 0 to ${images.length - 1}`;
  throw new AppError('image/no-such-index', `no picture ${index}: ${range}`, {
    data: { index, count: images.length },
  });
}

export function imageById(database: PeerDatabase, id: ImageId): LibraryImage | undefined {
  const row = database.get('SELECT * FROM image WHERE id = ?', id);
  return row && imageOf(row);
}

/** The original's bytes. Throws `image/damaged` when the stored file is not what was registered. */
export async function readImage(
  place: Omit<LibraryPlace, 'ports'>,
  image: LibraryImage,
): Promise<Uint8Array> {
  const path = place.directory.originalFile(place.username, image.id);
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new AppError('image/not-found', `the original of ${image.name} is missing: ${path}`, {
      cause,
      hint: `register ${image.name} again`,
    });
  });
  const expected = place.database.get('SELECT sha256 FROM image WHERE id = ?', image.id)?.['sha256'];
  if (sha256Hex(bytes) !== expected) {
    throw new AppError('image/damaged', `the stored original of ${image.name} has changed on disk: ${path}`, {
      hint: `register ${image.name} again`,
    });
  }
  return new Uint8Array(bytes);
}

/** What the cluster may show of the library: data of each picture, and previews by hash. */
export function publicLibrary(database: PeerDatabase): {
  images: PublicImage[];
  previews: Record<Sha256, string>;
} {
  const previews: Record<string, string> = {};
  const images = database.all('SELECT * FROM image ORDER BY position').map((row) => {
    const { name: _, ...image } = imageOf(row);
    previews[image.preview] = toBase64url(row['preview'] as Uint8Array);
    return image;
  });
  return { images, previews };
}

function imageOf(row: Row): LibraryImage {
  return {
    id: ImageId.parse(row['id']),
    index: Number(row['position']),
    name: String(row['name']),
    mediaType: String(row['media_type']),
    width: Number(row['width']),
    height: Number(row['height']),
    bytes: Number(row['bytes']),
    preview: Sha256.parse(row['preview_sha256']),
  };
}
