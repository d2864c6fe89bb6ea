export { type Clock, systemClock } from './clock.ts';
export { type CpuMeter, systemCpuMeter } from './cpu-meter.ts';
export {
  type ElectionLog,
  type ElectionNode,
  type ElectionNodeOptions,
  type ElectionStatus,
  startElectionNode,
} from './election-node.ts';
