/**
 * Loaded into every process of the demo before its own program (`node --import`): when the demo is gone, however it
 * went, the process goes too and takes the demo's folder along.
 */

import { rmSync } from 'node:fs';

process.on('disconnect', () => {
  const folder = process.env['DEMO_FOLDER'];
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  process.exit(1);
});
// Waiting for that keeps no process alive.
process.channel?.unref();
