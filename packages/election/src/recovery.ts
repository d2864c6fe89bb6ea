/**
 * Rule 9: a node that lost its disk may have voted in a term it no longer knows. It stays out of elections until
 * every other member has told its term, and then takes the highest, its vote in it spent.
 */

import type { NodeId } from './config.ts';
import { SPENT_VOTE } from './durable-state.ts';
import { broadcast, type Machine, newRequestId, type Recovery, record, send } from './machine.ts';
import type { MessageOf } from './message.ts';

export function tickRecovery(m: Machine, now: number, recovery: Recovery): void {
  if (now < recovery.askAt) return;
  recovery.requestId = newRequestId(m);
  recovery.askAt = now + m.config.timings.electionRetryMs;
  recovery.terms.clear();
  broadcast(m, { kind: 'Recover', requestId: recovery.requestId });
}

export function answerRecovery(m: Machine, from: NodeId, request: MessageOf<'Recover'>): void {
  send(m, from, { kind: 'RecoverResp', requestId: request.requestId, term: m.durable.term });
}

export function takeRecoveredTerm(m: Machine, from: NodeId, answer: MessageOf<'RecoverResp'>): void {
  if (!m.recovery || answer.requestId !== m.recovery.requestId) return;
  m.recovery.terms.set(from, answer.term);
  if (m.recovery.terms.size < m.config.peers.length) return;
  const term = Math.max(m.durable.term, ...m.recovery.terms.values());
  m.recovery = undefined;
  record(m, { term, votedFor: SPENT_VOTE, recovering: false });
}
