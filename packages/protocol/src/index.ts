export * from './cluster-api.ts';
export * from './documents.ts';
export * from './errors.ts';
export * from './limits.ts';
export * from './names.ts';
export * from './peer-api.ts';
