import { parseJson } from '@cloud-steg/protocol';
import { Message } from './message.ts';

/** One line of the wire between members, without its line feed: JSON. Who says it to whom is the link's to know. */
export function writeFrame(message: Message): string {
  return JSON.stringify(message);
}

/** Reads a line of the wire. @throws AppError `input/invalid` for anything that is no message. */
export function readFrame(line: string): Message {
  return parseJson(Message, line, 'election message');
}
