export {
  amendGrant,
  createGrant,
  getGrant,
  listGrantEvents,
  listGrants,
  type NewGrant,
  ownerKeyOf,
  type Sweep,
  sweepGrants,
} from './grants.ts';
export type { Page, PageQuery } from './ledger.ts';
export { type OnlineUser, PresenceRecord, PresenceTable } from './presence.ts';
export { adoptPresence, findPresence, PresenceLog } from './presence-log.ts';
export { createRegistry, type Registry, type RegistryPorts } from './registry.ts';
export { countPending, denyRequest, fileRequest, listRequests } from './requests.ts';
export {
  findPreview,
  findUser,
  getUser,
  getUsers,
  type Registration,
  registerUser,
  type UserRecord,
} from './users.ts';
export { type Caller, type Closing, closeView, type OpenedView, openView } from './views.ts';
