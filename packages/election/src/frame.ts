import { AppError, ELECTION_ADDRESS_CHARS_MAX, parseJson } from '@cloud-steg/protocol';
import * as z from 'zod';
import type { ElectionConfig, NodeId } from './config.ts';
import { requireEnds } from './handshake.ts';
import { Message } from './message.ts';

const Frame = z.object({
  from: z.string().max(ELECTION_ADDRESS_CHARS_MAX),
  to: z.string().max(ELECTION_ADDRESS_CHARS_MAX),
  /** The sender's configuration, as `ElectionConfig.hash`. */
  config: z.string().max(64),
  message: Message,
});

/** One line of the wire between members, without its line feed: JSON. */
export function writeFrame(config: ElectionConfig, to: NodeId, message: Message): string {
  return JSON.stringify({ from: config.thisNode, to, config: config.hash, message });
}

/**
 * Reads a line of the wire. What comes back was sent by a member, to this node, under the same configuration;
 * that the sender is who it says is for the link to prove.
 *
 * @throws AppError `input/invalid` for anything else.
 */
export function readFrame(config: ElectionConfig, line: string): { from: NodeId; message: Message } {
  const frame = parseJson(Frame, line, 'election message');
  requireEnds(config, frame, 'election message');
  if (frame.config !== config.hash) {
    throw new AppError(
      'input/invalid',
      `${frame.from} runs with configuration ${frame.config}, this node with ${config.hash}`,
      { hint: 'give all servers of the cluster the same peers and timings' },
    );
  }
  return { from: frame.from, message: frame.message };
}
