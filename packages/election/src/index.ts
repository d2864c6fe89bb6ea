export {
  type ElectionConfig,
  type ElectionTimings,
  type NodeId,
  quorumOf,
  readElectionConfig,
  sizeAdvice,
  splitAddress,
} from './config.ts';
