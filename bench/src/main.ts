/** `npm run bench [carriers|heartbeats|store]`: all without an argument. */

import { benchCarriers } from './carriers.ts';
import { benchHeartbeats } from './heartbeats.ts';
import { benchStore } from './store.ts';

const benches: Record<string, () => Promise<void>> = {
  carriers: benchCarriers,
  heartbeats: benchHeartbeats,
  store: benchStore,
};
const [wanted] = process.argv.slice(2);
const chosen = wanted === undefined ? Object.values(benches) : [benches[wanted]];
for (const bench of chosen) {
  if (!bench) throw new Error(`no bench "${wanted}"; there are: ${Object.keys(benches).join(', ')}`);
  await bench();
}
