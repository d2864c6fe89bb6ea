export type { SqliteStore, SqliteStoreOptions } from './sqlite-store.ts';
export { openSqliteStore } from './sqlite-store.ts';
export type { Every } from './watches.ts';
