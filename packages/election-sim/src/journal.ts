/** What happened, as a hash of all of it and, if somebody reads along, as lines. */

import type { Input, Message, Outputs } from '@cloud-steg/election';
import { nameOf } from './checker.ts';
import { inputText, messageText } from './wording.ts';

export type Print = (line: string) => void;

const TIME_WIDTH = 12;
const INDENT = ' '.repeat(TIME_WIDTH + 6);
/** Order of names is part of the hash, so that equal hashes mean equal runs. */
const KINDS: readonly (Input | Message)['kind'][] = [
  ...(['tick', 'cpu', 'message', 'linkLost', 'ended', 'fence', 'stop'] as const),
  ...(['Ping', 'GetCpu', 'CpuResp', 'Nominate', 'Vote', 'VoteResp', 'LeaderAnnounce', 'Heartbeat'] as const),
  ...(['HeartbeatAck', 'Handover', 'StepDown', 'Recover', 'RecoverResp'] as const),
];
const CODES = new Map(KINDS.map((kind, index) => [kind, index + 1]));

export class Journal {
  readonly #print: Print | undefined;
  readonly #members: readonly string[];
  #hash = 0x811c9dc5;

  constructor(members: readonly string[], print?: Print) {
    this.#members = members;
    this.#print = print;
  }

  /** 8 hex digits: equal for equal runs. */
  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0');
  }

  /** Something other than a step. `text` is asked for only if somebody reads along. */
  note(now: number, who: string, text: () => string): void {
    this.#mix(now * 1000);
    this.#print?.(`${timeText(now)}  ${who.padEnd(3)} ${text()}`);
  }

  /** One step of a node: what came in and what it led to. */
  step(now: number, node: number, input: Input, term: number, outputs: Outputs): void {
    this.#mix(now * 1000);
    this.#mix(node);
    this.#mix(CODES.get(input.kind) ?? 0);
    if (input.kind === 'message') this.#mix(CODES.get(input.message.kind) ?? 0);
    this.#mix(term);
    this.#mix(outputs.persist ? 1 : 0);
    for (const { message } of outputs.send) this.#mix(CODES.get(message.kind) ?? 0);
    if (this.#print && input.kind !== 'cpu') this.#printStep(this.#print, now, node, input, outputs);
  }

  #printStep(print: Print, now: number, node: number, input: Input, outputs: Outputs): void {
    print(`${timeText(now)}  ${nameOf(node)}  ${inputText(input, (id) => this.#name(id))}`);
    const { persist } = outputs;
    if (persist) {
      const lost = persist.recovering ? ', disk was lost' : '';
      print(`${INDENT}persist term ${persist.term}, vote ${this.#name(persist.votedFor)}${lost}`);
    }
    const told = new Map<string, string[]>();
    for (const { to, message } of outputs.send) {
      const text = messageText(message);
      told.set(text, [...(told.get(text) ?? []), this.#name(to)]);
    }
    for (const [text, names] of told) print(`${INDENT}to ${names.join(', ')}: ${text}`);
    for (const { role, term, why } of outputs.became) {
      print(`${INDENT}becomes ${role} in term ${term} (${this.#named(why)})`);
    }
    for (const { from, why } of outputs.refused) print(`${INDENT}refuses ${this.#name(from)}: ${why}`);
  }

  #name(id: string | null): string {
    const index = this.#members.indexOf(id ?? '');
    return index < 0 ? (id ?? 'none') : nameOf(index);
  }

  #named(text: string): string {
    return this.#members.reduce((named, id, index) => named.replaceAll(id, nameOf(index)), text);
  }

  #mix(value: number): void {
    this.#hash = Math.imul(this.#hash ^ (value | 0), 0x01000193) ^ (this.#hash >>> 15);
  }
}

function timeText(now: number): string {
  return now.toFixed(3).padStart(TIME_WIDTH);
}
