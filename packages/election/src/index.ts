export {
  type ElectionConfig,
  type ElectionTimings,
  type NodeId,
  quorumOf,
  readElectionConfig,
  sizeAdvice,
  splitAddress,
} from './config.ts';
export { DurableState } from './durable-state.ts';
export { Election, type ElectionView, type Input } from './election.ts';
export { readFrame, writeFrame } from './frame.ts';
export { DialerProof, ListenerProof, readDialerProof, readListenerProof, refuseMember } from './handshake.ts';
export type { Outgoing, Outputs, Refusal, RoleChange } from './machine.ts';
export { Message, NodeReport } from './message.ts';
export type { PastElection } from './past-elections.ts';
export type { ElectionStart } from './start.ts';
