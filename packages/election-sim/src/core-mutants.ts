/** The core with one rule removed. */

import type { Mutant } from './mutant.ts';

export const CORE_MUTANTS: readonly Mutant[] = [
  {
    name: 'no-voter-promise',
    without: 'rule 4: an acknowledged heartbeat binds its acknowledger',
    edits: [
      {
        file: 'voter-promise.ts',
        find: 'return promise.to === candidate ? 0',
        replace: 'return promise.to !== null ? 0',
      },
    ],
    breaks: 'I2',
    under: { faults: ['link', 'isolate'], size: 3, every: 0.1 },
  },
  {
    name: 'no-release-before-handover',
    without: 'rule 6: a leader gives up its lease before it hands over',
    edits: [
      {
        file: 'lease.ts',
        find: "if (m.role.kind !== 'leader' || m.role.handover) return Number.NEGATIVE_INFINITY;",
        replace: "if (m.role.kind !== 'leader') return Number.NEGATIVE_INFINITY;",
      },
    ],
    breaks: 'I2',
    under: { faults: ['hog', 'one-way', 'delay'], size: 3, every: 0.3 },
  },
  {
    name: 'vote-not-persisted',
    without: 'rule 3: the vote is durable before it is told',
    edits: [
      {
        file: 'machine.ts',
        find: 'm.out.persist = next;',
        replace: 'm.out.persist = { ...next, votedFor: null };',
      },
    ],
    breaks: 'I4',
    under: { faults: ['stop'], size: 3 },
  },
  {
    name: 'no-lost-disk-quarantine',
    without: 'rule 9: a lost disk votes for nobody until it has heard all others',
    edits: [
      {
        file: 'start.ts',
        find: 'const recovering = quorum > 1 && (durable?.recovering ?? !isNew);',
        replace: 'const recovering = false;',
      },
    ],
    breaks: 'I4',
    under: {
      faults: ['kill-voter', 'link', 'one-way', 'crash', 'lost-claims', 'slow-store'],
      size: 3,
      every: 0.1,
    },
  },
  {
    name: 'no-boot-wait',
    without: 'rule 4: a restarted node helps nobody for E_min',
    edits: [
      {
        file: 'voter-promise.ts',
        find: 'return promise.to === candidate ? 0',
        replace: 'return promise.to === candidate || promise.to === null ? 0',
      },
    ],
    breaks: 'I2',
    under: { faults: ['bounce', 'link'], size: 5, every: 0.05 },
  },
  {
    name: 'no-pre-vote',
    without: 'rule 1: a poll comes before an election',
    edits: [
      {
        file: 'roles.ts',
        find: "if (m.quorum === 1) return becomeCandidate(m, now, 'alone', 'alone');",
        replace: "if (round >= 0) return becomeCandidate(m, now, m.vacancy, 'impatient');",
      },
    ],
    breaks: 'L2',
    under: { faults: ['pause', 'deaf'], size: 4, every: 0.5 },
  },
  {
    name: 'no-check-quorum',
    without: 'rule 5: a leader that no majority answers steps down',
    edits: [
      {
        file: 'leading.ts',
        find: "if (now >= quorumLossAt(m, leader)) return stepDown(m, now, 'no-quorum', 'no majority answers');",
        replace: '',
      },
      {
        file: 'election.ts',
        find: 'return Math.min(quorumLossAt(m, role), role.compareAt,',
        replace: 'return Math.min(role.compareAt,',
      },
    ],
    breaks: 'L1',
    under: { faults: ['deaf'], size: 3 },
  },
  {
    name: 'any-process-ended',
    without: 'rule 6a: the end of one process says nothing of another of the same node',
    edits: [
      {
        file: 'poll.ts',
        find: 'if (promise.to !== peer || promise.process !== process) return;',
        replace: 'if (promise.to !== peer) return;',
      },
    ],
    breaks: 'I2',
    under: { faults: ['one-way', 'link', 'bounce'], size: 7, every: 0.05 },
  },
  {
    name: 'no-drift-margin',
    without: 'rule 4: a lease ends earlier by what two clocks may differ',
    edits: [
      {
        file: 'lease.ts',
        find: '(promisedMs * (1 - CLOCK_DRIFT_MAX)) / (1 + CLOCK_DRIFT_MAX)',
        replace: 'promisedMs',
      },
    ],
    breaks: 'I2',
    under: { faults: ['clock-rate', 'isolate', 'mute', 'split'], size: 3, every: 0.3 },
  },
  {
    name: 'lease-from-arrival',
    without: 'rule 4: a lease counts from when the heartbeat was sent',
    edits: [{ file: 'leading.ts', find: 'link.ackedAt = sentAt;', replace: 'link.ackedAt = now;' }],
    breaks: 'I2',
    under: { faults: ['reorder', 'pause'], every: 0.2 },
  },
  {
    name: 'lease-of-a-minority',
    without: 'rule 4: a majority has to acknowledge',
    edits: [
      {
        file: 'lease.ts',
        find: 'newestFirst[followersNeeded - 1]',
        replace: 'newestFirst[followersNeeded - 2]',
      },
    ],
    breaks: 'I2',
    under: { faults: ['split', 'links', 'isolate'], size: 5 },
  },
  {
    name: 'release-of-any-term',
    without: 'rule 6: a release voids promises of its term and earlier ones only',
    edits: [
      {
        file: 'machine.ts',
        find: 'if (term > 0 && m.promise.term <= term) m.promise = NO_PROMISE;',
        replace: 'if (term > 0) m.promise = NO_PROMISE;',
      },
    ],
    breaks: 'I2',
    under: { faults: ['stop', 'hog', 'link', 'one-way', 'delay'], every: 0.3 },
  },
  {
    name: 'second-vote',
    without: 'rule 3: one vote a term',
    edits: [
      {
        file: 'vote.ts',
        find: 'return m.durable.votedFor === null || m.durable.votedFor === candidate;',
        replace: 'return true;',
      },
      {
        file: 'machine.ts',
        find: 'next.term > term || votedFor === null || next.votedFor === votedFor || next.votedFor === SPENT_VOTE,',
        replace: 'true,',
      },
    ],
    breaks: 'I4',
    under: { faults: ['false-hint', 'isolate', 'reorder'], every: 0.2 },
  },
  {
    name: 'asserted-second-vote',
    without: 'rule 3: one vote a term, but for the core’s own assertion',
    edits: [
      {
        file: 'vote.ts',
        find: 'return m.durable.votedFor === null || m.durable.votedFor === candidate;',
        replace: 'return true;',
      },
    ],
    breaks: 'A',
    under: { faults: ['false-hint', 'isolate', 'reorder'], every: 0.2 },
  },
  {
    name: 'half-elects',
    without: 'rule 3: more than half have to vote for a leader',
    edits: [
      {
        file: 'config.ts',
        find: 'return Math.floor(config.members.length / 2) + 1;',
        replace: 'return Math.ceil(config.members.length / 2);',
      },
    ],
    breaks: 'I1',
    under: { faults: ['split', 'links', 'crash-all'], size: 4 },
  },
  {
    name: 'recovery-from-a-majority',
    without: 'rule 9: every other member tells its term, not just some',
    edits: [
      {
        file: 'recovery.ts',
        find: 'if (m.recovery.terms.size < m.config.peers.length) return;',
        replace: 'if (m.recovery.terms.size < m.quorum - 1) return;',
      },
    ],
    breaks: 'I4',
    under: { faults: ['kill-voter', 'stop', 'links'], size: 5, every: 0.2 },
  },
  {
    name: 'term-not-persisted',
    without: 'rule 3: a term that was heard of is durable before it is spoken of',
    edits: [
      {
        file: 'machine.ts',
        find: 'm.out.persist = next;',
        replace: 'if (next.votedFor !== null) m.out.persist = next;',
      },
    ],
    breaks: 'I3',
    under: { faults: ['crash', 'isolate', 'stop'] },
  },
];
