export type { SqliteStore, SqliteStoreOptions } from './sqlite-store.ts';
export { openSqliteStore } from './sqlite-store.ts';
export type { StoreLog } from './store-log.ts';
export type { Every } from './watches.ts';
