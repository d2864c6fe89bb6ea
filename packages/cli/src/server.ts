/** Entry of `p2p-discovery-server`: the discovery package's own program. */

import { runServer } from '@cloud-steg/discovery';

export async function main(): Promise<void> {
  process.exitCode = await runServer({ argv: process.argv.slice(2), env: process.env });
}
