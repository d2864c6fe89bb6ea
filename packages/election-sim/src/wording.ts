/** Messages and inputs in a few words, as traces show them. */

import type { Input, Message } from '@cloud-steg/election';

/** What a message says, without what its reader can't tell apart anyway. */
export function messageText(message: Message): string {
  switch (message.kind) {
    case 'Ping':
    case 'Nominate':
      return `${message.kind} term ${message.term}`;
    case 'GetCpu':
      return `GetCpu term ${message.term}, ${released(message.releasedTerm)}`;
    case 'CpuResp':
      return `CpuResp term ${message.term}, ${answer(message)}, load ${Math.round(message.cpuPercent)}`;
    case 'Vote':
      return `Vote term ${message.term}, ${released(message.releasedTerm)}`;
    case 'VoteResp':
      return `VoteResp term ${message.term}, ${message.granted ? 'yes' : 'no'}`;
    case 'LeaderAnnounce':
      return `LeaderAnnounce term ${message.term}, because: ${message.cause}`;
    case 'Heartbeat':
    case 'HeartbeatAck':
      return `${message.kind} term ${message.term} seq ${message.seq}`;
    case 'Handover':
    case 'StepDown':
      return `${message.kind} term ${message.term}, because: ${message.cause}`;
    case 'Recover':
      return 'Recover';
    case 'RecoverResp':
      return `RecoverResp term ${message.term}`;
  }
}

function released(term: number): string {
  return term > 0 ? `released ${term}` : 'none released';
}

function answer({ grant, waitMs }: { grant: boolean; waitMs: number }): string {
  if (grant) return 'yes';
  return waitMs > 0 ? `no for ${waitMs.toFixed(0)} ms` : 'no';
}

/** `name` gives a member's short name. */
export function inputText(input: Input, name: (id: string) => string): string {
  switch (input.kind) {
    case 'tick':
      return 'tick';
    case 'cpu':
      return `load ${input.percent.toFixed(0)}`;
    case 'message':
      return `from ${name(input.from)}: ${messageText(input.message)}`;
    case 'linkLost':
      return `link to ${name(input.peer)} lost`;
    case 'ended':
      return `process ${input.process} has ended`;
    case 'fence':
      return `refused by the store in term ${input.term}`;
    case 'stop':
      return 'told to stop';
  }
}
