import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new directory of its own, and its removal. */
export function scratchDirectory(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'cloud-steg-store-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
