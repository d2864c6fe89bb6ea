export * from './group-commit.ts';
export * from './key.ts';
export * from './lossy-store.ts';
export * from './memory-store.ts';
export * from './store.ts';
