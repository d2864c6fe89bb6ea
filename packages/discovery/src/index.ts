export type { Settings } from './config.ts';
export { type RunningServer, type RunServerOptions, runServer, startServer } from './main.ts';
