export { type Clock, systemClock } from './clock.ts';
export { type CpuMeter, systemCpuMeter } from './cpu-meter.ts';
export type { ElectionLog, ElectionNode, ElectionNodeOptions, ElectionStatus } from './election-node.ts';
export { type ProcessTable, systemProcesses } from './process-name.ts';
export { startElectionNode } from './start-election-node.ts';
export type { LinkCertificate } from './tls-channel.ts';
