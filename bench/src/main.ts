/** `npm run bench [carriers|heartbeats]`: both without an argument. */

import { benchCarriers } from './carriers.ts';
import { benchHeartbeats } from './heartbeats.ts';

const benches: Record<string, () => Promise<void>> = { carriers: benchCarriers, heartbeats: benchHeartbeats };
const [wanted] = process.argv.slice(2);
const chosen = wanted === undefined ? Object.values(benches) : [benches[wanted]];
for (const bench of chosen) {
  if (!bench) throw new Error(`no bench "${wanted}"; there are: ${Object.keys(benches).join(', ')}`);
  await bench();
}
